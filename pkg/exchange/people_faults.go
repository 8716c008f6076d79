package exchange

import (
	"fmt"
	"strconv"
)

// RowReason is why a row was left out; whoever shows it has a sentence for each.
type RowReason string

// The reasons, with what is said of them in [RowFault]: of addresses and identifiers, of other cells, of whole rows, and
// of messages that are no bounces.
const (
	AddressMissing         RowReason = "address_missing"          //
	AddressNoAt            RowReason = "address_no_at"            //
	AddressManyAts         RowReason = "address_many_ats"         //
	AddressMany            RowReason = "address_many"             // or a comma
	AddressBlank           RowReason = "address_blank"            // a blank inside
	AddressBracket         RowReason = "address_bracket"          // > without <
	AddressLong            RowReason = "address_long"             // Count characters, Limit are allowed
	AddressLocalLong       RowReason = "address_local_long"       // Count characters before the @, Limit are allowed
	AddressForeignLetter   RowReason = "address_foreign_letter"   // Text
	AddressCharacters      RowReason = "address_characters"       // or dots
	DomainNoDot            RowReason = "domain_no_dot"            // Text is the domain, as below
	DomainManyDots         RowReason = "domain_many_dots"         //
	DomainLong             RowReason = "domain_long"              // a part of it has Count characters, Limit are allowed
	DomainHyphen           RowReason = "domain_hyphen"            // a part begins or ends with one
	DomainCharacters       RowReason = "domain_characters"        //
	DomainEnd              RowReason = "domain_end"               // Text is its last part
	AddressRepeatedLine    RowReason = "address_repeated_line"    // of a text file: Line
	AddressRepeatedRow     RowReason = "address_repeated_row"     // of a sheet: Line
	IdentifierMissing      RowReason = "identifier_missing"       // though the file has a column for it
	NeitherOfBoth          RowReason = "neither_of_both"          // neither an address nor an identifier
	IdentifierLong         RowReason = "identifier_long"          // Count bytes, Limit are kept
	IdentifierRepeatedLine RowReason = "identifier_repeated_line" // of a text file: Line
	IdentifierRepeatedRow  RowReason = "identifier_repeated_row"  // of a sheet: Line

	NameLong         RowReason = "name_long"         // Count characters, Limit are kept
	AttributeLong    RowReason = "attribute_long"    // Count characters, Limit are kept
	UnknownLanguage  RowReason = "unknown_language"  // Text lists the tags of those that are known
	UnknownActive    RowReason = "unknown_active"    //
	LineBreak        RowReason = "line_break"        //
	LostLetter       RowReason = "lost_letter"       //
	ControlCharacter RowReason = "control_character" // Text is its number, such as U+0007
	UnclosedQuote    RowReason = "unclosed_quote"    // in the text of a cell
	FormulaError     RowReason = "formula_error"     //
	FormulaUnknown   RowReason = "formula_unknown"   // it was never calculated

	LineLong      RowReason = "line_long"      // more than Limit KB
	CellsMissing  RowReason = "cells_missing"  // Count cells, the header names Limit
	CellsTooMany  RowReason = "cells_too_many" // Count cells, the header names Limit
	QuoteOpen     RowReason = "quote_open"     // it opens in Line at character Count
	QuoteInside   RowReason = "quote_inside"   // the same, and another follows inside the cell
	BeyondColumns RowReason = "beyond_columns" // Text stands to the right of the last column

	MessageUnreadable RowReason = "message_unreadable" // Text says why, as the mail's syntax is spoken of
	MessageArrived    RowReason = "message_arrived"    // Text is the subject, as below: a report of mail that arrived
	MessageOfNobody   RowReason = "message_of_nobody"  // a report that names nobody
	MessageAutomatic  RowReason = "message_automatic"  // an automatic answer
	MessageOther      RowReason = "message_other"      //
)

// RowReasons returns every reason.
func RowReasons() []RowReason {
	return []RowReason{
		AddressMissing, AddressNoAt, AddressManyAts, AddressMany, AddressBlank, AddressBracket, AddressLong, AddressLocalLong, AddressForeignLetter,
		AddressCharacters, DomainNoDot, DomainManyDots, DomainLong, DomainHyphen, DomainCharacters, DomainEnd, AddressRepeatedLine, AddressRepeatedRow,
		IdentifierMissing, NeitherOfBoth, IdentifierLong, IdentifierRepeatedLine, IdentifierRepeatedRow,
		NameLong, AttributeLong, UnknownLanguage, UnknownActive, LineBreak, LostLetter, ControlCharacter, UnclosedQuote, FormulaError, FormulaUnknown,
		LineLong, CellsMissing, CellsTooMany, QuoteOpen, QuoteInside, BeyondColumns,
		MessageUnreadable, MessageArrived, MessageOfNobody, MessageAutomatic, MessageOther,
	}
}

// RowAdvice is what to do about a fault; whoever shows it has a sentence for each.
type RowAdvice string

// What can be done.
const (
	NoAdvice         RowAdvice = ""
	AddAddress       RowAdvice = "add_address"
	AddressLike      RowAdvice = "address_like"
	OneAddress       RowAdvice = "one_address"
	CellsJoined      RowAdvice = "cells_joined"
	TypeAddressAnew  RowAdvice = "type_address_anew"
	AddIdentifier    RowAdvice = "add_identifier"
	AddEither        RowAdvice = "add_either"
	LeaveOneRow      RowAdvice = "leave_one_row"
	AddressOfHerOwn  RowAdvice = "address_of_her_own"
	Shorten          RowAdvice = "shorten"
	ShortenKey       RowAdvice = "shorten_key"
	ShortenAttribute RowAdvice = "shorten_attribute"
	ChooseLanguage   RowAdvice = "choose_language" // Text lists the tags of languages
	YesOrNo          RowAdvice = "yes_or_no"
	LeaveOneLine     RowAdvice = "leave_one_line"
	MendEncoding     RowAdvice = "mend_encoding"
	DeleteCharacter  RowAdvice = "delete_character"
	CloseQuote       RowAdvice = "close_quote"
	CloseQuoteAtEnd  RowAdvice = "close_quote_at_end"
	DoubleQuotes     RowAdvice = "double_quotes"
	MendFormula      RowAdvice = "mend_formula"
	Calculate        RowAdvice = "calculate"
	LineEnds         RowAdvice = "line_ends"
	SeparateCells    RowAdvice = "separate_cells"
	QuoteCell        RowAdvice = "quote_cell"
)

// RowFault says what is wrong with a cell or a row: a reason, and the values in its sentence.
type RowFault struct {
	Reason RowReason
	Count  int    // how many there are
	Limit  int    // how many there may be
	Line   int    // where
	Text   string // what is meant, shortened
}

// Explain says what is wrong, in English. A fault whose Text was taken away is explained without it.
func (f RowFault) Explain() string {
	domain := "the domain"
	if f.Text != "" {
		domain += " " + strconv.Quote(f.Text)
	}
	switch f.Reason {
	case AddressMissing:
		return "no address"
	case AddressNoAt:
		return "no @ in it"
	case AddressManyAts:
		return "more than one @ in it"
	case AddressMany:
		return "more than one address, or a comma in it"
	case AddressBlank:
		return "a blank in it"
	case AddressBracket:
		return "a > without <"
	case AddressLong:
		return fmt.Sprintf("an address of %d characters, mail takes at most %d", f.Count, f.Limit)
	case AddressLocalLong:
		return fmt.Sprintf("%d characters before the @, mail takes at most %d", f.Count, f.Limit)
	case AddressForeignLetter:
		if f.Text == "" {
			return "a letter that is not of the Latin alphabet without accents"
		}
		return fmt.Sprintf("the letter '%s', which is not of the Latin alphabet without accents", f.Text)
	case AddressCharacters:
		return "characters or dots that an address cannot have there"
	case DomainNoDot:
		return domain + " has no dot"
	case DomainManyDots:
		return domain + " has a dot too many"
	case DomainLong:
		return fmt.Sprintf("a part of the domain has %d characters, at most %d are allowed", f.Count, f.Limit)
	case DomainHyphen:
		return "a part of " + domain + " begins or ends with a hyphen"
	case DomainCharacters:
		return domain + " has characters that domains do not have"
	case DomainEnd:
		if f.Text == "" {
			return "no domain ends as this one does"
		}
		return fmt.Sprintf("no domain ends in .%s", f.Text)
	case AddressRepeatedLine:
		return fmt.Sprintf("the address stands in line %d already", f.Line)
	case AddressRepeatedRow:
		return fmt.Sprintf("the address stands in row %d already", f.Line)
	case IdentifierMissing:
		return "no identifier, though the file has a column for it"
	case NeitherOfBoth:
		return "neither an address nor an identifier"
	case IdentifierLong:
		return fmt.Sprintf("an identifier of %d bytes, at most %d are kept", f.Count, f.Limit)
	case IdentifierRepeatedLine:
		return fmt.Sprintf("the identifier stands in line %d already", f.Line)
	case IdentifierRepeatedRow:
		return fmt.Sprintf("the identifier stands in row %d already", f.Line)
	case NameLong:
		return fmt.Sprintf("the name has %d characters, at most %d are kept", f.Count, f.Limit)
	case AttributeLong:
		return fmt.Sprintf("%d characters, at most %d are kept of an attribute", f.Count, f.Limit)
	case UnknownLanguage:
		return "no language that people can be written to in"
	case UnknownActive:
		return "neither yes nor no"
	case LineBreak:
		return "a line break inside"
	case LostLetter:
		return "a letter that was lost (\uFFFD)"
	case ControlCharacter:
		return fmt.Sprintf("a control character (%s)", f.Text)
	case UnclosedQuote:
		return "a quote that is never closed"
	case FormulaError:
		return "an error of a formula"
	case FormulaUnknown:
		return "a formula that was never calculated"
	case LineLong:
		return fmt.Sprintf("the line is longer than %d KB", f.Limit)
	case CellsMissing:
		return fmt.Sprintf("the row ends after %s, the header names %d", countCells(f.Count), f.Limit)
	case CellsTooMany:
		return fmt.Sprintf("the row has %s, the header names %d", countCells(f.Count), f.Limit)
	case QuoteOpen:
		return fmt.Sprintf("the quote that opens in line %d at character %d is never closed", f.Line, f.Count)
	case QuoteInside:
		return fmt.Sprintf("the quote that opens in line %d at character %d is followed by another inside the cell", f.Line, f.Count)
	case BeyondColumns:
		return fmt.Sprintf("beyond the last column stands %q", f.Text)
	case MessageUnreadable:
		return "not a message that can be read: " + f.Text
	case MessageArrived:
		return fmt.Sprintf("a report of mail that arrived: %q", f.Text)
	case MessageOfNobody:
		return fmt.Sprintf("a report that names nobody: %q", f.Text)
	case MessageAutomatic:
		return fmt.Sprintf("an automatic answer: %q", f.Text)
	case MessageOther:
		return fmt.Sprintf("not a report of a mail server: %q", f.Text)
	}
	return string(f.Reason)
}

// Advice returns what to do about it, or [NoAdvice].
func (f RowFault) Advice() RowAdvice {
	switch f.Reason {
	case AddressMissing:
		return AddAddress
	case AddressNoAt, AddressBlank, AddressBracket, AddressLocalLong, AddressCharacters,
		DomainNoDot, DomainManyDots, DomainLong, DomainHyphen, DomainCharacters, DomainEnd:
		return AddressLike
	case AddressManyAts, AddressMany:
		return OneAddress
	case AddressLong:
		return CellsJoined
	case AddressForeignLetter:
		return TypeAddressAnew
	case AddressRepeatedLine, AddressRepeatedRow:
		return AddressOfHerOwn
	case IdentifierMissing:
		return AddIdentifier
	case NeitherOfBoth:
		return AddEither
	case IdentifierLong:
		return ShortenKey
	case IdentifierRepeatedLine, IdentifierRepeatedRow:
		return LeaveOneRow
	case NameLong:
		return Shorten
	case AttributeLong:
		return ShortenAttribute
	case UnknownLanguage:
		return ChooseLanguage
	case UnknownActive:
		return YesOrNo
	case LineBreak:
		return LeaveOneLine
	case LostLetter:
		return MendEncoding
	case ControlCharacter:
		return DeleteCharacter
	case UnclosedQuote:
		return CloseQuote
	case FormulaError:
		return MendFormula
	case FormulaUnknown:
		return Calculate
	case LineLong:
		return LineEnds
	case CellsMissing:
		return SeparateCells
	case CellsTooMany:
		return QuoteCell
	case QuoteOpen:
		return CloseQuoteAtEnd
	case QuoteInside:
		return DoubleQuotes
	case BeyondColumns, MessageUnreadable, MessageArrived, MessageOfNobody, MessageAutomatic, MessageOther:
	}
	return NoAdvice
}

// Advise says what to do about it, in English; "" is that nothing can be said.
func (f RowFault) Advise() string {
	const likeThis = "an address reads name@company.com"
	switch f.Advice() {
	case NoAdvice:
		return ""
	case AddAddress:
		return "add it, or allow people without address, who get access codes on paper"
	case AddressLike:
		return likeThis
	case OneAddress:
		return "leave one address; other people take rows of their own"
	case CellsJoined:
		return "probably texts of several cells were joined; " + likeThis
	case TypeAddressAnew:
		return "type the address anew: a letter may only look Latin; of a domain with such letters, take the form that begins with xn--"
	case AddIdentifier:
		return "add it, or ignore that column: then the address is the identifier"
	case AddEither:
		return "add one: without it the person cannot be found again"
	case LeaveOneRow:
		return "leave one of the two rows"
	case AddressOfHerOwn:
		return "leave one of the two rows, or give each person an address of her own"
	case Shorten:
		return "shorten it"
	case ShortenKey:
		return "shorten it, or take another column"
	case ShortenAttribute:
		return "shorten it, or ignore the column if it holds remarks"
	case ChooseLanguage:
		return "write one of " + f.Text + ", leave it blank, or choose a language for all whose own is not there"
	case YesOrNo:
		return "write yes, no, or leave it blank for yes"
	case LeaveOneLine:
		return "leave one line: what follows a line break could become a line of the mail's header"
	case MendEncoding:
		return "correct it; if there are many, the file was read or saved in the wrong encoding: save it as \"CSV UTF-8\" or .xlsx"
	case DeleteCharacter:
		return "delete it, or type the text anew"
	case CloseQuote:
		return "close it, or leave it out"
	case CloseQuoteAtEnd:
		return "close it where the cell ends, or leave it out"
	case DoubleQuotes:
		return "write quotes that belong to the text twice, or leave them out"
	case MendFormula:
		return "put the formula right, or write the value instead"
	case Calculate:
		return "open the workbook in a spreadsheet program and save it, or write the value instead; formulas are not calculated here"
	case LineEnds:
		return "probably line ends are missing here; each person stands in a line of her own"
	case SeparateCells:
		return "probably a cell or a line end is missing or too many; separate blank cells, too"
	case QuoteCell:
		return "probably a text with the delimiter in it: put it in quotes"
	}
	return string(f.Advice())
}
