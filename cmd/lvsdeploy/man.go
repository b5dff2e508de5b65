package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// manCommand prints lvsdeploy(1) for the packages, from what the commands say
// about themselves: so it cannot say anything else.
func manCommand() *cli.Command {
	return &cli.Command{
		Name:   "__man",
		Usage:  "print the man page; the packages are made with it",
		Hidden: true,
		Action: func(c *cli.Context) error {
			_, err := io.WriteString(c.App.Writer, manPage(c.App, buildDate(), versionText()))
			return err
		},
	}
}

// buildDate follows https://reproducible-builds.org/specs/source-date-epoch.
func buildDate() time.Time {
	if s, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
		return time.Unix(s, 0).UTC()
	}
	return time.Now().UTC()
}

// roff is a man page being written, see man(7).
type roff struct{ strings.Builder }

// macro writes a line of a macro; its arguments are quoted.
func (r *roff) macro(name string, args ...string) {
	r.WriteString("." + name)
	for _, a := range args {
		r.WriteString(` "` + strings.ReplaceAll(roffText(a), `"`, `\(dq`) + `"`)
	}
	r.WriteByte('\n')
}

// text writes lines of running text.
func (r *roff) text(s string) {
	for line := range strings.Lines(s) {
		line = roffText(strings.TrimSpace(line))
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			line = `\&` + line
		}
		r.WriteString(line + "\n")
	}
}

// asIs writes lines that stay as they are.
func (r *roff) asIs(s string) {
	r.macro("nf")
	r.text(s)
	r.macro("fi")
}

// roffText is s in a form that means the same in every locale.
func roffText(s string) string {
	var b strings.Builder
	for _, c := range s {
		switch {
		case c == '\\':
			b.WriteString(`\e`)
		case c == '-':
			b.WriteString(`\-`)
		case c == '~':
			b.WriteString(`\(ti`)
		case c == '^':
			b.WriteString(`\(ha`)
		case c == '`':
			b.WriteString(`\(ga`)
		case c == '\'':
			b.WriteString(`\(aq`)
		case c > 0x7e:
			fmt.Fprintf(&b, `\[u%04X]`, c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// manPage is the page of the program and all its commands.
func manPage(app *cli.App, date time.Time, version string) string {
	r := new(roff)
	r.macro("TH", strings.ToUpper(app.Name), "1", date.Format(time.DateOnly), app.Name+" "+version, "User Commands")
	r.macro("SH", "NAME")
	r.text(app.Name + " - " + app.Usage)
	r.macro("SH", "SYNOPSIS")
	r.asIs(app.UsageText)
	r.macro("SH", "OPTIONS")
	r.flags(app.Flags)
	r.macro("SH", "COMMANDS")
	r.commands(app.Name, app.Commands)
	// The description is paragraphs; those with a title are tables.
	for part := range strings.SplitSeq(app.Description, "\n\n") {
		title, rows, titled := strings.Cut(part, ":\n")
		if !titled {
			r.macro("SH", "NOTES")
			r.text(part)
			continue
		}
		r.macro("SH", strings.ToUpper(title))
		for row := range strings.Lines(rows) {
			term, means, _ := strings.Cut(strings.TrimSpace(row), "  ")
			r.macro("TP")
			r.macro("B", term)
			r.text(strings.TrimSpace(means))
		}
	}
	r.macro("SH", "SEE ALSO")
	r.text("ssh(1), ssh_config(5), ipvsadm(8)")
	return r.String()
}

func (r *roff) commands(parent string, commands []*cli.Command) {
	for _, cmd := range visible(commands) {
		name := parent + " " + cmd.Name
		r.macro("SS", name)
		r.text(cmd.Usage)
		r.macro("PP")
		r.asIs(cmp.Or(cmd.UsageText, strings.TrimSpace(name+" [flags] "+cmd.ArgsUsage)))
		if cmd.Description != "" {
			r.macro("PP")
			r.text(cmd.Description)
		}
		r.flags(cmd.Flags)
		r.commands(name, cmd.Subcommands)
	}
}

func (r *roff) flags(flags []cli.Flag) {
	for _, f := range flags {
		doc, ok := f.(cli.DocGenerationFlag)
		if !ok || slices.Contains(f.Names(), "help") {
			continue
		}
		var names []string
		for _, n := range f.Names() {
			names = append(names, dashed(n))
		}
		usage, value := doc.GetUsage(), ""
		if doc.TakesValue() {
			value = " VALUE"
			if _, rest, quoted := strings.Cut(usage, "`"); quoted {
				word, _, _ := strings.Cut(rest, "`")
				value = " " + word
			}
			if text := doc.GetDefaultText(); text != "" {
				usage += " (default: " + text + ")"
			}
		}
		r.macro("TP")
		r.macro("B", strings.Join(names, ", ")+value)
		r.text(strings.ReplaceAll(usage, "`", ""))
	}
}
