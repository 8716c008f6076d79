package fieldwork

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cxmirror/pkg/survey"
)

// Why a mail did not arrive, in the words that stand beside it in the database where no server said anything.
const (
	lostConnection    = "the connection was lost"
	serverUnreachable = "the server cannot be reached"
	onlyPlainLetters  = "the server takes no addresses with letters beside a to z"
	noReason          = "came back without a reason"
	attemptsPrefix    = "not accepted after "
	attemptsSuffix    = " attempts: "
)

// notAcceptedAfter says that a mail is given up.
func notAcceptedAfter(attempts int, reason string) string {
	return attemptsPrefix + strconv.Itoa(attempts) + attemptsSuffix + reason
}

// Failure says why a mail did not arrive, from what stands beside the mail or its person ([survey.Person].BounceReason):
// what the program found itself, or what a server answered, quoted.
func Failure(reason string) survey.Saying {
	if rest, ok := strings.CutPrefix(reason, attemptsPrefix); ok {
		count, why, _ := strings.Cut(rest, attemptsSuffix)
		if n, err := strconv.Atoi(count); err == nil {
			return survey.Say("given_up", "not accepted after %d attempts: ", "Count", n).And(Failure(why))
		}
	}
	if detail, ok := strings.CutPrefix(reason, serverUnreachable); ok {
		if detail = strings.TrimPrefix(detail, ": "); detail != "" {
			return survey.Say("server_unreachable_detail", serverUnreachable+": %s", "Detail", detail)
		}
		return survey.Say("server_unreachable", serverUnreachable)
	}
	switch reason {
	case lostConnection:
		return survey.Say("connection_lost", lostConnection)
	case onlyPlainLetters:
		return survey.Say("plain_letters", onlyPlainLetters)
	case noReason, "":
		return survey.Say("no_reason", noReason)
	case ErrBadAddress.Error():
		return survey.Say("bad_address", "the address is not one that mail can be sent to")
	}
	return survey.Say("answered", "%s", "Answer", reason)
}

// TestMailError says that a server did not take a test mail.
type TestMailError struct {
	Server string // its name in the settings
	Stage  string // how far the dialogue came: connecting, MAIL, RCPT or DATA
	Reason string // as [Failure] takes it
}

func (e *TestMailError) Error() string {
	return fmt.Sprintf("test mail: %s did not accept it (%s): %s", e.Server, e.Stage, e.Reason)
}

// BusyError says that a server has sent as much as its limits allow.
type BusyError struct {
	Server string        // its name in the settings
	Wait   time.Duration // until it may send again
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("%s has sent as much as its limits allow; try again in %v", e.Server, e.Wait.Round(time.Second))
}

// TestFailure says why [Mailer.SendTest] did not send a mail; false is that the error is none of mail.
func TestFailure(err error) (why survey.Saying, ok bool) {
	if refused, ok := errors.AsType[*TestMailError](err); ok {
		return Failure(refused.Reason), true
	}
	if busy, ok := errors.AsType[*BusyError](err); ok {
		seconds := int(busy.Wait.Round(time.Second).Seconds())
		return survey.Say("busy", "the server has sent as much as its limits allow; try again in %d seconds", "Count", seconds), true
	}
	if errors.Is(err, ErrBadAddress) {
		return Failure(ErrBadAddress.Error()), true
	}
	return survey.Saying{}, false
}
