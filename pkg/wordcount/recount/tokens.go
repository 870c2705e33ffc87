package recount

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/magereduce/magereduce/pkg/wordcount/words"
)

// tokens returns the function that gives the words of a value, for a choice as words.Parse reads
// it. It shares no code with package words, but for two things that exist only once: a function
// registered for func:NAME, and NFC, which is that of golang.org/x/text.
func tokens(choice, fold string) (func(value []byte, word func([]byte)), error) {
	cut, err := cutter(choice)
	if err != nil {
		return nil, err
	}
	var folds []func([]byte) []byte
	switch fold {
	case "":
	case "case":
		folds = append(folds, foldCase)
	case "nfc":
		folds = append(folds, toNFC)
	case "case,nfc", "nfc,case":
		folds = append(folds, toNFD, foldCase, toNFC)
	default:
		return nil, fmt.Errorf("no folding is called %q", fold)
	}
	return func(value []byte, word func([]byte)) {
		cut(value, func(w []byte) {
			if len(w) == 0 {
				return
			}
			for _, fold := range folds {
				w = fold(w)
			}
			word(w)
		})
	}, nil
}

func cutter(choice string) (func(value []byte, word func([]byte)), error) {
	kind, argument, _ := strings.Cut(choice, ":")
	switch kind {
	case "", "fields":
		return func(value []byte, word func([]byte)) {
			for _, w := range bytes.Fields(value) {
				word(w)
			}
		}, nil
	case "value":
		return func(value []byte, word func([]byte)) { word(value) }, nil
	case "unicode":
		return unicodeTokens, nil
	case "regexp":
		expression, err := regexp.Compile(argument)
		if err != nil {
			return nil, err
		}
		group := min(1, expression.NumSubexp())
		return func(value []byte, word func([]byte)) {
			for _, match := range expression.FindAllSubmatch(value, -1) {
				word(match[group])
			}
		}, nil
	case "func":
		return words.Registered(argument)
	}
	return nil, fmt.Errorf("no way to cut words is called %q", choice)
}

func toNFC(word []byte) []byte { return norm.NFC.Bytes(word) }
func toNFD(word []byte) []byte { return norm.NFD.Bytes(word) }
