package exchange_test

import (
	"fmt"
	"log"
	"strings"

	"cxmirror/pkg/exchange"
	"cxmirror/pkg/survey"
)

// A foreign export: other names, labels instead of codes, one column for each option, both audiences in one file.
func ExampleOpen() {
	questionnaire, err := survey.Parse([]byte(`
code: shop
languages: [en]
title: Our shop
items:
  - {code: satisfied, kind: rating, scale: {min: 1, max: 3}, text: Are you satisfied?}
  - code: expectations
    kind: multi
    max: 2
    text: What matters most?
    options: [{code: speed, text: Speed}, {code: ease, text: Ease}, {code: courtesy, text: Courtesy}]
`), "shop.yaml", nil)
	if err != nil {
		log.Fatal(err)
	}
	shopMap, err := exchange.ParseMap([]byte(`
audience: {external: {Who: customer}, internal: {Who: colleague}}
items:
  satisfied: {column: Q1, recode: {no: 1, so so: 2, yes: 3}}
  expectations: {options: {speed: Q2 Speed, ease: Q2 Ease, courtesy: Q2 Courtesy}}
`), "shop-map.yaml")
	if err != nil {
		log.Fatal(err)
	}
	const file = `Who,Q1,Q2 Speed,Q2 Ease,Q2 Courtesy
customer,yes,1,0,1
colleague,perhaps,1,0,0
colleague,so so,0,0,0
supplier,no,1,0,0
`
	answers, err := exchange.Open(strings.NewReader(file), "shop.csv", questionnaire, shopMap,
		exchange.Need("expectations"), exchange.OnReject(func(r exchange.Rejection) { fmt.Println(r) }))
	if err != nil {
		log.Fatal(err)
	}
	for record := range answers.Records() {
		fmt.Printf("line %d, %s:", record.Line, record.Audience)
		for i, column := range questionnaire.Columns() {
			fmt.Printf(" %s=%s", column.Key, questionnaire.AppendCell(nil, i, &record.Values[i]))
		}
		fmt.Println()
	}
	if err := answers.Err(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(answers.Report())
	// Output:
	// line 2, external: satisfied=3 expectations=speed;courtesy
	// shop.csv:3:11: satisfied: "perhaps" is not a whole point of the scale from 1 to 3
	// line 4, internal: satisfied=2 expectations=none
	// shop.csv: 4 rows, 2 accepted, 1 filtered out by the map, 1 rejected
}
