package lab

import (
	"bytes"
	"os"
	"path/filepath"
)

// texts are what each lesson counts. They are so short that everybody can count along: 30 words,
// and "the" is twice in each text.
var texts = []string{
	"the tide comes in and the tide goes out",
	"the boats come in with the tide",
	"out goes the light of the day",
	"in the harbour the lamps come on",
}

// writeTexts writes the texts as files into a folder of their own.
func writeTexts(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for i, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, string(rune('1'+i))+".txt"), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// counts are words with the number of times that each occurs.
type counts map[string]int

// add adds the words of a text.
func (c counts) add(text []byte) {
	for _, word := range bytes.Fields(text) {
		c[string(word)]++
	}
}

// words is the number of all words.
func (c counts) words() (n int) {
	for _, times := range c {
		n += times
	}
	return n
}

// truth is the serial count of all texts.
func truth() counts {
	c := counts{}
	for _, text := range texts {
		c.add([]byte(text))
	}
	return c
}

// countFile counts the words of one file.
func countFile(path string) (counts, error) {
	text, err := os.ReadFile(path)
	c := counts{}
	c.add(text)
	return c, err
}
