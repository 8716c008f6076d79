// Package exchange reads files of answers and of people, and writes them.
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
// and what its cells mean: columns by name or letter, labels recoded, one column for each option, rankings as
// orders or place numbers, rows that count, two audiences in one file, several header rows, other encodings.
// [MapManual] is its manual, by example:
//
//	file: {header: [1, 2], encoding: macintosh}
//	respondent: ResponseID
//	items:
//	  channel: {column: $C, recode: {By phone: phone, At a branch: branch}}
//	ignore: rest
//
// A column or item that the map names and the file or questionnaire lacks is an error with its place in the
// map, and so is a column of the file that nothing speaks of, unless ignore does.
//
// # People
//
// Lists of people come as their offices have them ([OpenPeople]): CSV in whatever encoding and delimiter, or
// workbooks. Which column is the address, the name or an attribute is recognised, told ([PeopleReader.Columns])
// and can be said otherwise. A rejected row is named with what to do about it ([PersonRejection]), and can be
// given back in a copy of its file ([WriteProblems]). Lists of addresses that mail came back from, and the
// reports that mail servers write of it, are read by [OpenBounces].
//
// The package knows how answers and people are laid out in files. What an answer may be is the business of package
// survey, and what the answers say that of others.
package exchange
