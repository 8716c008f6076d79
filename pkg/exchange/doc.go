// Package exchange reads files of answers, and writes them.
//
// # The native format
//
// CSV or TSV with a header row and one row per response, in UTF-8 (a byte order mark is allowed) or UTF-16
// with its mark, packed with gzip or not. Cells may be separated by semicolons, as spreadsheets do where the
// decimal mark is a comma; lines may end in LF, CRLF or CR. Columns are called as the questionnaire calls them, item or
// item.row, and hold codes, never labels:
//
//	respondent,weight,channel,expectations,order,performance.speed,recommend
//	a17,0.93,phone,speed;ease;needs_met,ease>speed,4,9
//	a18,1.21,branch,none,,cannot_say,
//
// An empty cell is a question not answered; none is a person who was asked and picked nothing; cannot_say is
// hers who said so. In a text, an apostrophe before = + - or @ keeps spreadsheets from running it as a formula,
// and is not part of it ([Writer]). The columns respondent and weight may be missing, and so may items. A column that the
// questionnaire does not know is an error: it may be a slip of the pen in one that it does.
//
// A row in which anything is wrong is left out whole, counted, and named with its line, column and reason
// ([Rejection]); no cell is ever dropped in silence. What ends the reading before the end of the file (a
// broken quote, a character in the wrong encoding) is an error ([Reader.Err]), and what was read until then
// is not the whole.
//
// # Maps
//
// Files of other programs are read with a map ([ParseMap]), a YAML file that says which column is which item
// and what its cells mean. Everything in it is optional:
//
//	file:
//	  encoding: windows-1250        # anything but UTF-8: macintosh, cp437, koi8-r, iso-8859-2, utf-16le ...
//	  delimiter: ";"                # , ; | or tab; without it the header tells
//	  header: [1, 2]                # the rows that name the columns, joined by " / "; none: there are none
//	  data: 4                       # the first row of answers, if not the one after the header
//	  decimal: ","                  # in weights and numbers
//	  quotes: lenient               # a quote inside an unquoted cell is a letter
//	missing: [NA, "-99"]            # cells that mean "not answered", besides blank ones
//	respondent: ResponseID
//	weight: wgt
//	keep:                           # rows that count; the others are filtered out. All conditions must hold
//	  - POPULATION: github
//	  - AGE: [18 to 24 years, 25 to 34 years]
//	  - not: {STATUS: Partial}
//	  - any: [{Q1: "1"}, {Q2: "1"}]
//	  - present: [AGE, EDUCATION]   # columns that hold something
//	  - complete: [expectations]    # items answered in full: every row rated, every option ranked
//	audience:                       # one file, two audiences; rows of neither are filtered out
//	  external: {ROLE: customer}
//	  internal: {ROLE: [employee, manager]}
//	ignore: rest                    # or a list of columns
//	items:
//	  channel: Q3                   # another name, the same codes
//	  satisfaction:
//	    column: Q7
//	    recode: {Not at all: 1, Hardly: 2, So so: 3, Well: 4, Fully: 5, Refused: ~}     # ~ is missing
//
// A column is addressed by its name, or by letter or number as spreadsheets count, $C or $3. Cells that
// recode does not name are read as codes; with else: CODE they all stand for that code. With texts: pl the
// cells hold the questionnaire's own texts in that language.
//
// Picks in one cell have a separator. Labels that the map knows are taken whole, the longest first, even if
// they contain the separator, and so are entries in quotes:
//
//	expectations: {column: Q4, separator: ", ", recode: {"Fast, without waiting": speed, Polite staff: courtesy}}
//
// Picks in one column for each option say what a pick looks like; without it 1, yes, y, true, x and their
// opposites are known. What is not offered has no column (~). When nothing is picked, asked tells "picked
// nothing" from missing: without it a row was asked if a cell says so (0, no), and not if all are blank;
// with always every row was asked; with a condition those were for which it holds:
//
//	worries:
//	  options: {height: Q8_1, weight: Q8_2, none: Q8_12, other: ~}
//	  picked: filled                # whatever is not blank; or the words, such as [Y, yes]
//	  not_picked: ["0", no]
//	  asked: {Q8_seen: "1"}
//
// Picks in several columns of one option each, and rankings in columns first, second, third:
//
//	order: {columns: [First, Second, Third], recode: {Speed: speed, Polite staff: courtesy}}
//
// Rankings as place numbers, one column for each option. Best is 1, unless best: highest; a hole in the
// numbers (1, 2, 4) is rejected, unless gaps: close:
//
//	films: {places: {hope: RANK_IV, empire: RANK_V, jedi: RANK_VI}}
//
// Rankings in one cell. A cell such as 2,3,1,4 is either an order (option 2 is best) or places (option 1 has
// place 2); both are in use, both are valid, and nothing in the file tells. So the map must, wherever options
// are numbers, and [Report.Rankings] shows which option came first most often, for a look:
//
//	order: {column: Q5, separator: ",", list: order, recode: {1: speed, 2: ease, 3: courtesy, 4: needs_met}}
//	order: {column: Q5, separator: ",", list: {places: [speed, ease, courtesy, needs_met]}}
//
// Rows of a rating or matrix share their recode; and an answer can be the same for the whole file:
//
//	performance:
//	  rows: {speed: P_1, ease: P_2, courtesy: P_3}
//	  recode: {7 - very good: 7, No opinion: cannot_say}
//	country: {constant: pl}
//
// A column or item that the map names and the file or questionnaire lacks is an error with its place in the
// map, and so is a column of the file that nothing speaks of, unless ignore does.
//
// The package knows how answers are laid out in files. What an answer may be is the business of package
// survey, and what the answers say that of others.
package exchange
