// Package fieldwork launches waves, takes answers, lets them into the results, sends mail, closes and erases. It
// knows what was promised to those who answer and holds it. It knows no HTTP and no SQL.
//
// A [Service] launches ([Service.Check], [Service.Launch]), takes answers of every mode by the same four calls
// ([Service.Find], [Service.Start], [Service.Save], [Service.Complete]), adds them to the results in steps
// ([Service.Step]) and erases ([Service.Erase], [Service.EraseDue]). A [Mailer] sends what is planned.
//
// # What is promised
//
// A wave has a mode, which is fixed when it is launched and shown before the first question.
//
// Identified: answers are kept with the person's name, and can be read so.
//
// Confidential: answers are kept with the invitation, so that somebody with access to the database can find out
// who said what. Results are shown of groups of at least k people, and an answer begins to count only in a step
// with at least k-1 others, of whom nobody knows which they are: of those that wait, k are kept back by lot. When
// the wave closes, those are added, unless they are fewer than k.
//
// Anonymous: nothing ties an answer to a person. How that is done, and against whom it holds, is the rest of this
// text.
//
// # How an anonymous answer travels
//
// A personal link holds a token, which follows from the service's secret and the id of the invitation
// ([Secret.Token]). The database has its SHA-256. A draft is found by another hash that follows from the token, and
// is encrypted under a key that follows from the token, too; no column leads from a draft to an invitation.
//
// Finishing is one transaction: the draft is deleted, the invitation is marked as finished (with an open link, where
// there is none, an empty draft stays, so that one browser gives one answer), and the answer is stored sealed: encrypted under a key that follows from the service's secret, with the segments of the invitation
// and without anything else of it, and filled up to one of a few lengths. That transaction is what makes one link
// give one answer; it also leaves a mark that the rows have in common (xmin on PostgreSQL), so that as long as an
// answer is sealed it must be taken to be tied to its invitation.
//
// A step ([Service.Step]) opens all sealed answers of the wave in memory, chooses, and in one transaction stores
// the chosen ones as responses under new random ids, in the order of those ids, all with the same day and the same
// mark, and the others sealed anew, under new ids, with other bytes and the same mark. No sealed row is left as it
// was. A response has no token, no key, no seed of the order of options (which follows from the key), no time finer
// than the day of the step, no address, and the language only if it is one of many.
//
// Which are chosen goes by class: people who share all that results can be split by. While the wave goes on, a
// class publishes when at least 2k of it wait, and then all but k of them, drawn by lot: so the last step of the
// class will not be too small either. When the wave is closed all are published. Those who would be alone with
// what they are, or fewer than k, give up segments, the least important first, until at least k are alike
// ([Plan] names the order). If fewer than k have finished at all, nothing is published. Background questions that
// results are not split by are not published in an anonymous wave: they say something about who answered.
//
// At the launch, what the panel says of people is frozen on the invitations in the same way: nobody is invited as
// the only manager of a small department.
//
// # Who can learn what
//
// Known to everybody with access to the workbench, in every mode: who was invited, who has finished, and when mail
// was sent to whom; also, by day, how many finished. What is not known is what somebody answered.
//
// HR and others in the workbench can learn of an anonymous or confidential wave what pages show: figures of at
// least k people, withheld so that smaller groups cannot be worked out by subtraction (package tally). They can
// not tell, by looking before and after, what one person added: every step adds at least k, and of k people who
// could have been in it, k were kept back. Files of answers hold each question by itself, in an order of its own: in
// rows as people gave them, whoever knows two answers of a colleague, or which questions she left out, would find the
// others. Within one question the picks of a person stay together, since shares and ranks are compared by them.
//
// A reader of the database, at one moment or all the time, can learn which person finished when (by watching the
// mark that finished is). Of answers he learns what is published: rows with answers and those segments that at least
// k people of that step share. To pair them he has nothing but the classes: of somebody whose class he knows, he
// knows that she is behind one of at least k rows, or of those 2k or more from which they were drawn. If all rows
// of a class say the same, he knows what she said; no mode protects from that, except asking less. Sealed answers
// and drafts he cannot read. He sees in which step somebody could have been published.
//
// A reader of backups and of the write-ahead log sees what a reader of the database sees at each of those moments,
// also rows that were deleted since. Sealed rows and drafts in there are encrypted, and their lengths say next to
// nothing. Deleted rows stay in PostgreSQL's files until they are vacuumed, and in its archived log as long as that
// is kept; on SQLite they are overwritten.
//
// A reader of the program's log sees neither tokens nor codes, addresses, names, answers or the network addresses
// of respondents, nor how many bytes went to and fro, but when a page was asked for, and how many answers began to
// count at which time. What a proxy before the program logs is up to whoever runs it: a log of requests to /s/ with
// times and network addresses tells who answered when, not what. One that notes the lengths of requests or pages,
// too, tells what: a comment is known by its length. Proxies should not log lengths for /s/, /o/ and /k/.
//
// The operator, who has the secret and the running program, must be trusted for as long as an answer is in his
// hands. While somebody answers he can read along: that is true of every program on a server. He can make every
// token, so he can open drafts that were begun and not finished. He can open sealed answers in the database and in
// backups, and pair them with invitations by their marks: that is, those that wait now, or waited when a backup was
// made. Once a step has taken the sealed row and no backup or log holds it, he can learn no more than a reader of
// the database. So backups should be made of waves that are closed, or be kept apart from the secret, and never
// longer than need be. To those who must not trust the operator at all this program cannot promise anything.
//
// Who has a person's link, such as whoever reads her mail or her device, can answer in her place or go on with her
// draft, until she has finished. After that the link opens nothing.
//
// The organisation that writes the questionnaire can ask people for their name. No program can keep a promise that
// the questions break; comments that name somebody are flagged before they are shown.
//
// # Confidential waves
//
// A reader of the database or of a backup can pair every answer with its person: that is the difference, and the
// page for respondents says so. The row keeps the invitation so that the person can have it erased, and times are
// kept by the day.
//
// # Losing the secret
//
// Answers that are sealed cannot be opened without it, access codes are not known any more, and mails that are sent
// from then on carry links that lead nowhere; links that were sent before still open, and what is published is not
// touched. So the database keeps a fingerprint of the secret ([Secret.Fingerprint]), and a program that is started
// with another one is refused before it does anything. Where it is lost for good, [store.Store.ForgetSecret] gives all
// who were invited other ways in, made of another secret, and lets go of what is sealed.
package fieldwork
