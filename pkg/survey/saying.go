package survey

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Saying is a sentence, or a part of one, about what a package was given. Key names it in a catalogue, so that whoever
// shows it can say it in the reader's language ([Phrases.Tell]); its English is what programs, logs and the command
// line print. A zero Saying says nothing.
type Saying struct {
	Key     string
	Args    Args     // texts, whole numbers, and Sayings
	English string   // without what Then adds
	Then    []Saying // said right behind it: each begins with what parts it from what stands before
}

// Say makes a Saying of a key and its English, a format of package fmt. After it, names and values take turns: a value
// is put in for the next verb of the format, and into the catalogue's phrase under its name.
func Say(key, english string, namesAndValues ...any) Saying {
	args, values := make(Args, len(namesAndValues)/2), make([]any, 0, len(namesAndValues)/2)
	for pair := range slices.Chunk(namesAndValues, 2) {
		values = append(values, pair[len(pair)-1])
		args[fmt.Sprint(pair[0])] = pair[len(pair)-1]
	}
	return Saying{Key: key, Args: args, English: fmt.Sprintf(english, values...)}
}

// And returns the Saying with others behind it. Those that say nothing are left out.
func (s Saying) And(more ...Saying) Saying {
	s.Then = slices.Clone(s.Then)
	for _, next := range more {
		if next.English != "" {
			s.Then = append(s.Then, next)
		}
	}
	return s
}

// String says it in English.
func (s Saying) String() string {
	var b strings.Builder
	b.WriteString(s.English)
	for _, next := range s.Then {
		b.WriteString(next.String())
	}
	return b.String()
}

// Tell says a Saying in a language, by the phrase whose key is a prefix and the Saying's key. Whole numbers are grouped
// as the language groups digits; texts are put in with control characters shown as pictures, since they may be of
// a file.
func (p *Phrases) Tell(lang Language, prefix string, s Saying) string {
	key := prefix + s.Key
	args := maps.Clone(s.Args)
	for name, value := range args {
		switch value := value.(type) {
		case int:
			if name != "Count" || !p.plural[key] {
				args[name] = lang.Integer(value)
			}
		case Saying:
			args[name] = p.Tell(lang, prefix, value)
		default:
			args[name] = printable(fmt.Sprint(value))
		}
	}
	var said strings.Builder
	said.WriteString(p.Say(lang, key, args))
	for _, next := range s.Then {
		said.WriteString(p.Tell(lang, prefix, next))
	}
	return said.String()
}
