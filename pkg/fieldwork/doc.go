// Package fieldwork launches waves, collects their answers, releases them into the results and erases what is
// to be erased.
package fieldwork
