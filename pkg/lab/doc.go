// Package lab teaches the parts of the protocol, one after the other. It is no part of the product:
// half of it is wrong on purpose.
//
// # Basics
//
//	err := lab.Run(ctx, os.Stdout, redisd.Config{Dir: ".wordcount/lab"}, nil)
//
// Each lesson counts four short texts in a wrong way and in the right way. Both meet the same fault:
// a process is killed or stands still, or Redis is killed. The lab prints what came of it. A lesson
// fails if the wrong way was exact, or if the right way was not.
//
//	lab.go         teaches the lessons
//	lessons.go     the lessons: question, fault, ways, reason
//	lesson.go      one lesson: runs its ways, and prints
//	trial.go       one way, tried once: what a scenario is written in
//	world.go       what all trials share: a server, and the texts as tasks
//	process.go     a process of a trial, from the outside
//	role.go        a process of a trial, from the inside
//	worker.go      what a program works with
//	stream.go      what wrong and right workers have in common
//	texts.go       the texts, and a serial count of them
//	wrong_NAME.go  one mistake each
//	right_NAME.go  the same without the mistake, by the functions of this project
//
// Workers, seeders and sealers are processes of this program, so its main function must call [Main]
// first. They are real processes, and so are their deaths. Nothing depends on time: a process tells
// where it is, and stands there until the lab lets it go on, or kills it.
//
// # Caveats
//
// The right ways are short, too. They call the functions of the job's protocol, and leave out what
// isn't taught: batches, reducers, heartbeats. A lease is zero here, because only one process moves
// at a time, and the lab knows who is dead.
package lab
