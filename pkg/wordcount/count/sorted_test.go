package count

import (
	"errors"
	"io"
	"slices"
	"testing"
)

// list is a source of words that ends with err, or with io.EOF.
type list struct {
	words []Entry
	err   error
}

func (l *list) Next() (e Entry, err error) {
	if len(l.words) > 0 {
		e, l.words = l.words[0], l.words[1:]
		return e, nil
	}
	if l.err != nil {
		return e, l.err
	}
	return e, io.EOF
}

func TestSortedWordsAreMergedByCountThenByBytes(t *testing.T) {
	a := []Entry{{"z", 9}, {"b", 2}, {"d", 2}, {"\xff", 1}}
	b := []Entry{{"a", 5}, {"c", 2}, {"", 1}}
	var got []Entry
	for e, err := range MergeSorted([]*list{{words: a}, {}, {words: b}}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	want := []Entry{{"z", 9}, {"a", 5}, {"b", 2}, {"c", 2}, {"d", 2}, {"", 1}, {"\xff", 1}}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestAMergeEndsWithTheFirstError(t *testing.T) {
	broken := errors.New("broken")
	for at := range 3 {
		sources := []*list{{words: []Entry{{"z", 9}}}, {words: []Entry{{"a", 5}, {"b", 4}}[:at], err: broken}}
		n := 0
		for _, err := range MergeSorted(sources) {
			if n++; err != nil {
				if !errors.Is(err, broken) {
					t.Error(err)
				}
				n = -1
				continue
			}
			if n == 0 {
				t.Error("something came after the error")
			}
		}
		if n != -1 {
			t.Errorf("no error after %d words", n)
		}
	}
}

func TestTheOrderOfAMergeIsThatOfARanking(t *testing.T) {
	table := New()
	for i := range 1000 {
		table.Add([]byte{byte(i % 251), byte(i / 3), 1}, uint64(i%4+1))
	}
	ranked := table.Descending()
	if !slices.IsSortedFunc(ranked, func(a, b Entry) int {
		if a.Before(b) {
			return -1
		}
		return 1
	}) {
		t.Error("a ranking has another order")
	}
}
