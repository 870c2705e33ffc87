// Package config is the configuration of a job, from the fields of a Config, from environment
// variables, from flags, and from the last run.
//
//	c, err := config.Resolve(config.Config{Inputs: []string{"texts"}}, flags) // by the variables' names
//	…
//	job, err := config.Job(config.Complete(c)) // as package wordcount needs it
//
// A flag wins over a variable, a variable over a field, and a field over the default. A Config that
// is AsIs has its final fields. Resolve and UnderVariables return such a Config, so that variables
// are applied only once.
//
// # The last run
//
// If no input is named, Resolve takes over the input of the folder's last run, and those options
// that decide which job it was. Taken says which. So each command that an error advises concerns
// the job that failed. UnderVariables takes over nothing. It is for targets that concern the jobs
// of the folder anyway.
//
// # Caveats
//
// A variable that begins with WORDCOUNT_ and is no option is an error, because a misspelt name
// would silently change nothing. An empty variable counts as unset.
//
// REDIS_URL may name another server than the Config does. Then the files of the Config, which hold
// secrets, aren't used.
package config
