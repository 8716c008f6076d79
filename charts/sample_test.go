package charts

import (
	"math"
	"slices"

	"cxmirror/pkg/findings"
	"cxmirror/pkg/survey"
)

// expectation is an option of a made-up divergence: its words and the shares on both sides, in percent.
type expectation struct {
	code               survey.OptionCode
	text               survey.Words
	external, internal float64
	verdict            findings.Verdict
}

// expectations are the twelve options of the bundled code frame with invented shares.
func expectations() []expectation {
	return []expectation{
		{"competence", survey.Words{"en": "Staff have knowledge and competence", "pl": "Pracownicy mają wiedzę i kompetencje", "ru": "Сотрудники обладают знаниями и компетентны"}, 61, 58, findings.Same},
		{"needs_met", survey.Words{"en": "My needs are met", "pl": "Moje potrzeby są zaspokojone", "ru": "Мои потребности удовлетворены"}, 54, 49, findings.Unknown},
		{"speed", survey.Words{"en": "I get the result quickly", "pl": "Szybko otrzymuję to, na czym mi zależy", "ru": "Я быстро получаю результат"}, 38, 52, findings.Different},
		{"reliability", survey.Words{"en": "Promises and deadlines are kept", "pl": "Obietnice i terminy są dotrzymywane", "ru": "Обещания и сроки соблюдаются"}, 31, 33, findings.Same},
		{"listening", survey.Words{"en": "I am listened to and understood", "pl": "Jestem wysłuchana lub wysłuchany i rozumie się mnie", "ru": "Меня внимательно слушают и понимают"}, 27, 21, findings.Unknown},
		{"courtesy", survey.Words{"en": "Staff are friendly and polite", "pl": "Pracownicy są życzliwi i uprzejmi", "ru": "Сотрудники доброжелательны и вежливы"}, 26, 14, findings.Different},
		{"informed", survey.Words{"en": "I am kept informed about what happens next", "pl": "Na bieżąco wiem, co się dalej dzieje z moją sprawą w firmie", "ru": "Меня держат в курсе того, что происходит с моим обращением"}, 19, 28, findings.Different},
		{"access", survey.Words{"en": "I can reach someone when I need to, in the way I prefer", "pl": "Mogę się skontaktować, kiedy potrzebuję, w wygodny dla mnie sposób", "ru": "Я могу связаться с нужным человеком удобным для меня способом"}, 17, 18, findings.Same},
		{"ease", survey.Words{"en": "It takes little effort from me", "pl": "Nie wymaga to ode mnie wiele wysiłku", "ru": "От меня требуется мало усилий"}, 14, 16, findings.Same},
		{"recovery", survey.Words{"en": "Mistakes are put right quickly and fairly", "pl": "Błędy są naprawiane szybko i uczciwie", "ru": "Ошибки исправляют быстро и справедливо"}, 12, 10, findings.Same},
		{"respect", survey.Words{"en": "I am treated as important", "pl": "Traktuje się mnie jak kogoś ważnego", "ru": "Ко мне относятся как к важному человеку"}, 9, 14, findings.Small},
		{"surprise", survey.Words{"en": "Now and then they do more than I expected", "pl": "Od czasu do czasu robią więcej, niż oczekuję", "ru": "Иногда делают больше, чем я ожидаю"}, 6, 3, findings.Same},
	}
}

// divergence makes a divergence as findings would: intervals (Wilson), places, ties and rank sets follow from
// the shares; the verdicts are given.
func divergence(options []expectation, external, internal int) *findings.Divergence {
	d := &findings.Divergence{
		Item: "expectations", Kind: survey.Multi, Rule: findings.SharePicked, Top: 3, Level: 0.95, Margin: 0.10,
		Text:  survey.Words{"en": "Which of these matter most to you? Pick up to three.", "pl": "Co jest dla Ciebie najważniejsze? Wybierz najwyżej trzy.", "ru": "Что для вас важнее всего? Выберите не больше трёх."},
		Lists: findings.ListAgreement{TauB: math.NaN()},
	}
	d.External = ranking(options, external, survey.External, func(e expectation) float64 { return e.external })
	d.Internal = ranking(options, internal, survey.Internal, func(e expectation) float64 { return e.internal })
	for _, outside := range d.External.Entries {
		i := slices.IndexFunc(d.Internal.Entries, func(e findings.Entry) bool { return e.Code == outside.Code })
		o := slices.IndexFunc(options, func(e expectation) bool { return e.code == outside.Code })
		inside := d.Internal.Entries[i]
		difference := inside.Share - outside.Share
		spread := 1.96 * math.Sqrt(outside.Share*(1-outside.Share)/float64(external)+inside.Share*(1-inside.Share)/float64(internal))
		d.Items = append(d.Items, findings.ItemDifference{
			Code: outside.Code, External: outside, Internal: inside, Difference: difference,
			Low: max(difference-spread, -1), High: min(difference+spread, 1), Verdict: options[o].verdict, Detectable: 2.2 * spread,
		})
	}
	return d
}

func ranking(options []expectation, n int, audience survey.Audience, share func(expectation) float64) findings.Ranking {
	r := findings.Ranking{
		Audience: audience, Item: "expectations", Kind: survey.Multi, Rule: findings.SharePicked, Top: 3, Level: 0.95,
		Base: findings.Base{N: n, EffectiveN: float64(n)},
	}
	for _, o := range options {
		p, size, z := share(o)/100, float64(n), 1.96
		centre := (p + z*z/(2*size)) / (1 + z*z/size)
		half := z * math.Sqrt(p*(1-p)/size+z*z/(4*size*size)) / (1 + z*z/size)
		r.Entries = append(r.Entries, findings.Entry{
			Code: o.code, Text: o.text, Count: int(p * size), N: n, EffectiveN: size, Share: p,
			Low: max(centre-half, 0), High: min(centre+half, 1), Mean: math.NaN(),
		})
	}
	slices.SortStableFunc(r.Entries, func(a, b findings.Entry) int {
		switch {
		case a.Share > b.Share:
			return -1
		case a.Share < b.Share:
			return 1
		}
		return 0
	})
	for i := range r.Entries {
		e := &r.Entries[i]
		e.RankLow, e.Rank, e.RankHigh = 1, 1, len(r.Entries)
		for k, other := range r.Entries {
			if other.Share > e.Share {
				e.Rank++
			}
			if k != i && other.Share == e.Share {
				e.Tied = true
			}
			if other.Low > e.High {
				e.RankLow++
			}
			if other.High < e.Low {
				e.RankHigh--
			}
		}
	}
	return r
}
