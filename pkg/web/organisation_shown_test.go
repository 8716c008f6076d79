package web

import "testing"

// The addresses that forms send to say for which organisation the page was shown, wherever templates put them; those
// that only ask stay as they are.
func TestMarkForms(t *testing.T) {
	tests := []struct{ page, want string }{
		{`<form method="post" action="/people">`, `<form method="post" action="/people?organisation=7">`},
		{`<form method="post" action="/people?q=a#top">`, `<form method="post" action="/people?q=a&amp;organisation=7#top">`},
		{`<form class="x" method="post" action="/p?organisation=2">`, `<form class="x" method="post" action="/p?organisation=2">`},
		{`<button formaction="/waves/1/close">`, `<button formaction="/waves/1/close?organisation=7">`},
		{`<form method="post">`, `<form method="post" action="/here/&#34;&gt;&lt;b&gt;?organisation=7">`}, // the path is the visitor's
		{`<form method="get" action="/people"><a href="/x">`, `<form method="get" action="/people"><a href="/x">`},
		{`a < b, and <form method="post" action="/x`, `a < b, and <form method="post" action="/x`},
		{`&lt;form method="post" action="/x"&gt; <p>`, `&lt;form method="post" action="/x"&gt; <p>`},
	}
	for _, tt := range tests {
		if got := string(markForms([]byte(tt.page), `/here/"><b>`, 7)); got != tt.want {
			t.Errorf("of %s\ngot  %s\nwant %s", tt.page, got, tt.want)
		}
	}
}
