package stats_test

import (
	"fmt"
	"log"

	"cxmirror/pkg/stats"
)

// One item, picked by 423 of 1,200 customers outside and by 9 of 50 inside.
func Example() {
	outside, inside := stats.Proportion{Successes: 423, Trials: 1200}, stats.Proportion{Successes: 9, Trials: 50}

	difference, err := stats.NewcombeDifference(inside, outside, 0.95)
	if err != nil {
		log.Fatal(err)
	}
	test, err := stats.DifferenceTest(inside, outside)
	if err != nil {
		log.Fatal(err)
	}
	higher, err := stats.ProbabilityHigher(inside, outside)
	if err != nil {
		log.Fatal(err)
	}
	detectable, err := stats.DetectableDifference(432.0/1250, 1200, 50, 0.95, 0.8, 10)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.1f points, %.1f to %.1f\n", 100*(inside.Share()-outside.Share()), 100*difference.Low, 100*difference.High)
	fmt.Printf("p = %.3f (%s)\n", test.P, test.Method)
	fmt.Printf("higher inside with probability %.3f\n", higher)
	fmt.Printf("of ten items, differences from %.0f points could be seen\n", 100*detectable)
	// Output:
	// -17.2 points, -25.9 to -4.2
	// p = 0.012 (N-1 chi-square)
	// higher inside with probability 0.004
	// of ten items, differences from 25 points could be seen
}

// Nine persons to none are enough to put the first item above the third, and nothing else is shown.
func ExampleRankSets() {
	preferred := [][]int{ // row picked, column not
		{0, 7, 9},
		{2, 0, 4},
		{0, 0, 0},
	}
	sets, err := stats.RankSets(preferred, 0.95)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sets)
	// Output: [{1 2} {1 3} {2 3}]
}

// Two lists of ten that agree on the first three in another order.
func ExampleRBO() {
	outside := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	inside := []int{3, 1, 2, 4, 5, 6, 7, 8, 9, 10}
	overlap, err := stats.RBO(outside, inside, 0.7)
	if err != nil {
		log.Fatal(err)
	}
	chance, err := stats.RBOChance(len(outside), 0.7)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.2f, where two unrelated lists have %.2f\n", overlap, chance)
	// Output: 0.59, where two unrelated lists have 0.32
}
