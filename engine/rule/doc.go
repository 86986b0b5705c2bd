// Package rule is what a rule file says: its keys, the expressions in it
// turned into a plan, the alarm over the plan's windows, and the backtest
// that runs a rule over everything stored.
//
// It owns the words of a rule and how CloudWatch's alarms are evaluated. What
// expressions mean is engine/plan's: this package reads the expression
// language with expr-lang's parser and gives every construct to the plan or
// refuses it with its place; expr-lang's own evaluator is never used. It does
// not read files, open databases or send notifications.
package rule
