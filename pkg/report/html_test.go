package report

import (
	"html"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/report/timeline"
)

func TestNoTextThatIsPutIntoHTMLBecomesHTML(t *testing.T) {
	t.Parallel()
	hostile := `</title><script>"'&quot;` + "`\x00\xff<!--" + `onload=x %s`
	var d document
	d.add(`<p title="%v">%v</p>%v%v`, hostile, timeline.Kind(hostile), markup("<br>"), 1.5)
	title, rest, _ := strings.Cut(strings.TrimPrefix(d.String(), `<p title="`), `">`)
	text, rest, _ := strings.Cut(rest, "</p>")
	for where, got := range map[string]string{"an attribute": title, "a text": text} {
		if strings.ContainsAny(got, `<>"'`) || html.UnescapeString(got) != hostile {
			t.Errorf("%s has become %q", where, got)
		}
	}
	if rest != "<br>1.5" {
		t.Errorf("the rest is %q", rest)
	}
}
