// Package record finds the records of a text, and the value of one field of each.
//
// # Basics
//
//	f, err := record.Parse("jsonl:user.agent")
//	r := record.NewReader(f, strict, record.MaxRecord)
//	tally, err := r.Each(text, record.Range{Off: 0, End: math.MaxInt64}, nil, count)
//
// These are the formats. A record belongs to the range in which it begins.
//
//	(none), line      a record is a line, and its field is the line
//	jsonl:PATH        a record is a line with a JSON value
//	csv:COLUMN        a record is a row as encoding/csv reads it; a quoted field may have line ends,
//	                  so files aren't cut
//	csv-lines:COLUMN  each line is a row by itself, so files are cut
//	tsv:COLUMN        the fields of a line have tabs between them; a quote is a byte like any other
//
// A PATH is keys with dots between them. A dot in a key is written \. and a backslash \\. Where the
// value is an array, a key 0, 1 and so on is an element of it. No key is empty. A COLUMN is a name
// in the header, which is the first line of each file, or a number from 1: then there is no header.
//
// # Rules
//
// Each record is in Records. One that has no value is also in one other count of the [Tally], and
// is passed over. If the reader is strict, it is an [Error].
//
//	line end        LF or CRLF; not part of a value; the last line needs none
//	UTF-8 BOM       passed over at the beginning of a file, but kept in plain text without a field
//	empty line      a record in plain text and with line; else none; in jsonl also if it has spaces
//	empty value     a value without bytes
//	too large       an Error, strict or not: over 64 MiB, or what the reader was told
//
//	jsonl
//	malformed       Malformed: exactly what json.Valid refuses, wherever it is in the line
//	missing         Missing: also if the record, or a value on the path, is no object or array
//	null            Null: the value of the field; above the field it is Missing
//	object, array   Nested
//	number, boolean a value, as it is written: 1e3 is not 1000
//	string          a value without its escapes; as in encoding/json, what isn't valid UTF-8 or
//	                UTF-16 becomes U+FFFD
//	equal keys      the last one counts, and what is in the others is not looked at
//
//	csv, csv-lines
//	malformed       Malformed: where encoding/csv has an error; it ends with the line of the error
//	quotes          a value without its quotes, "" is a quote; CRLF in them becomes LF
//	equal names     the first column of that name
//
//	csv, csv-lines, tsv
//	ragged rows     Missing if the row ends before the column; more fields than usual are no fault
//	header          no record; Missing in all records if it lacks the column, is empty or malformed
//
// # Caveats
//
// A reader has a buffer of 256 KiB. For a large record it takes as much as the largest record may have,
// 64 MiB at most, and while the buffer grows, the one of half the size exists, too. A string in JSON that
// isn't valid UTF-8 becomes up to three times as long. So it may have a third of that.
package record
