package survey

import "strings"

// Frame is a code frame: a list of coded options that several questionnaires share, so that their answers
// can be compared.
type Frame struct {
	Code      string
	Version   int
	Languages []Language
	Title     Words
	Options   []FrameOption
}

// FrameOption is an entry of a code frame.
type FrameOption struct {
	Code      OptionCode
	Text      Words              // the voice of customers, and of whoever has no voice of her own
	Voices    map[Audience]Words // where an audience is told the same in other words
	Exclusive bool
	Other     bool // an own answer; as in [Option]
}

// Voice returns the words in which an audience reads the entry. An audience's own voice replaces the common
// one as a whole: a language it lacks is missing, and not filled with words meant for others.
func (o *FrameOption) Voice(audience Audience) Words {
	if words, ok := o.Voices[audience]; ok {
		return words
	}
	return o.Text
}

// ParseFrame reads a code frame from YAML. name is the file's name, for messages. The error is
// [Diagnostics], with every mistake of the file.
func ParseFrame(src []byte, name string) (*Frame, error) {
	d := readYAML(src, name)
	d.check(d.root, frameShape())
	frame := new(Frame)
	if d.root.usable() {
		frame = d.frame(d.root)
	}
	if len(d.mistakes) > 0 {
		return nil, d.mistakes.Sort()
	}
	return frame, nil
}

func (d *document) frame(root *node) *Frame {
	frame := &Frame{
		Code:      root.field("code").words(),
		Version:   root.field("version").whole(1),
		Languages: d.languages(root.field("languages")),
	}
	frame.Title = d.frameWords(root.field("title"), frame.Languages)
	d.checkLabel(root.field("title"))
	seen := make(map[OptionCode]*node)
	for _, element := range root.field("options").elements() {
		o := FrameOption{
			Code:      OptionCode(element.field("code").words()),
			Text:      d.frameWords(element.field("text"), frame.Languages),
			Exclusive: element.field("exclusive").isTrue(),
			Other:     element.field("other").isTrue(),
		}
		d.checkOther(element)
		for _, audience := range Audiences() {
			voice := element.field(string(audience))
			if !voice.usable() {
				continue
			}
			if o.Voices == nil {
				o.Voices = make(map[Audience]Words)
			}
			o.Voices[audience] = d.frameWords(voice, frame.Languages)
			d.checkLabel(voice)
		}
		d.checkLabel(element.field("text"))
		if code := element.field("code"); code.usable() {
			d.checkOptionCode(code, Option{Code: o.Code, Exclusive: o.Exclusive}, seen)
		}
		frame.Options = append(frame.Options, o)
	}
	return frame
}

// frameWords reads texts of a frame. A frame is used in several questionnaires, so it cannot put in answers
// to items of one.
func (d *document) frameWords(at *node, languages []Language) Words {
	read := d.wordsIn(at, languages)
	for _, text := range read {
		if strings.Contains(text, pipeOpen) {
			d.report(at, "a code frame cannot put in answers by {{...}}: it does not know the items of a questionnaire")
			break
		}
	}
	return read
}
