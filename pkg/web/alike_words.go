package web

import (
	"errors"

	"cxmirror/pkg/findings"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// alikeWords is what the keys of phrases begin with that say why two questions cannot be compared.
const alikeWords = "alike_"

// isNotAlike reports whether an error says that two questions cannot be compared.
func isNotAlike(err error) bool {
	_, unlike := errors.AsType[*findings.NotAlikeError](err)
	_, lists := errors.AsType[*tally.ListsDifferError](err)
	return unlike || lists
}

// notAlike says in the reader's words why two questions cannot be compared; "" is that the error is another.
func (r room) notAlike(err error) string {
	if unlike, ok := errors.AsType[*findings.NotAlikeError](err); ok {
		return r.phrases.Say(r.Lang, alikeWords+"item", survey.Args{"Item": string(unlike.Item), "Why": r.phrases.Tell(r.Lang, alikeWords, unlike.Says)})
	}
	if lists, ok := errors.AsType[*tally.ListsDifferError](err); ok {
		return r.phrases.Tell(r.Lang, alikeWords, lists.Says())
	}
	return ""
}
