package verify

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// everyScript is each script as it is sent, with values no shell may expand.
func everyScript(marker string) map[string]string {
	evil := "/opt/$(touch " + marker + ")`touch " + marker + "`'\"; touch " + marker + "; exit 9"
	return map[string]string{
		"table":          tableScript,
		"director":       script(directorScript, "lvsdeploy-"+evil+"-snat.service", evil),
		"web":            script(webScript, "127.0.0.1", "1", evil, "127.0.0.1", evil),
		"director in DR": script(directorScript+"shift 2\n"+lanScript, evil, "", "127.0.0.1", "192.0.2.1 192.0.2.2", evil, "192.0.2.3"),
		"web in DR":      script(webScript+"shift 5\n"+lanScript+lanWebScript, "127.0.0.1", "1", evil, "127.0.0.1", "", evil, "", evil),
		"neighbour":      script(neighbourScript, "192.0.2.1"),
		"nfs":            script(nfsScript, evil, "/tmp", "-d"),
		"source":         script(sourceScript, "127.0.0.1"),
		"watch":          watchScript,
	}
}

func shells() map[string][]string {
	return map[string][]string{"dash": {"dash"}, "bash": {"bash", "--posix"}, "busybox": {"busybox", "sh"}}
}

// The scripts only read: here they run for real, under every shell, and must
// come to their end whatever this machine has or lacks.
func TestScriptsRun(t *testing.T) {
	t.Parallel()
	marker := filepath.Join(t.TempDir(), "owned")
	for shell, argv := range shells() {
		for name, text := range everyScript(marker) {
			if name == "watch" {
				continue
			}
			t.Run(shell+" "+name, func(t *testing.T) {
				t.Parallel()
				cmd := exec.Command(argv[0], append(argv[1:], "-c", text)...)
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				out, err := cmd.Output()
				if err != nil || stderr.Len() > 0 {
					t.Fatalf("%v\n%s", err, stderr.String())
				}
				f := parseFacts(string(out))
				if !f.ok("end") {
					t.Fatalf("no end:\n%s", out)
				}
				for key, v := range f {
					if !v.known {
						t.Errorf("%s has no status; a line was not prefixed?\n%s", key, out)
					}
				}
				if _, err := os.Stat(marker); err == nil {
					t.Fatal("a value was run as a command")
				}
				switch name {
				case "source":
					if got := routeSource(f.lines("source")).String(); got != "127.0.0.1" {
						t.Errorf("source %s: %v", got, f)
					}
				case "nfs":
					if f.ok("dir-1") || !f.ok("dir-2") || f.ok("dir-3") {
						t.Errorf("%v", f)
					}
				case "web":
					if _, err := parsePage(f); err == nil || !strings.Contains(err.Error(), "no answer") {
						t.Errorf("port 1 answered: %v", err)
					}
				}
			})
		}
	}
}

// The watcher answers each question with an end, and ends with its input.
func TestWatchScript(t *testing.T) {
	for shell, argv := range shells() {
		t.Run(shell, func(t *testing.T) {
			bin := t.TempDir()
			stub := "#!/bin/sh\nread -r stolen && echo stolen\ncat " + filepath.Join(bin, "out") + "\n"
			if err := os.WriteFile(filepath.Join(bin, "ipvsadm"), []byte(stub), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(bin, "out"), []byte(golden(t, "ipvsadm-Ln.txt")), 0o644); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(argv[0], append(argv[1:], "-c", watchScript)...)
			cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
			cmd.Stdin = strings.NewReader("table\nconnections ^TCP  *0C000064 $(id) \\. \ntable\n")
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			want := golden(t, "ipvsadm-Ln.txt") + "end\n"
			got := string(out)
			if !strings.HasPrefix(got, want) || !strings.HasSuffix(got, want) || strings.Count(got, "\nend\n") != 3 {
				t.Errorf("%s", got)
			}
		})
	}
}

// grep must read our pattern as the fake of the tests does.
func TestPatternUnderGrep(t *testing.T) {
	s := &tutorial().Services[0]
	file := filepath.Join(t.TempDir(), "ip_vs_conn")
	text := golden(t, "ip_vs_conn.txt") + "UDP 0C000064 EC14 0C000001 0050 C0A80114 0050 UDP             300\n" +
		"TCP 0C000064 EC14 0C000001 0051 C0A80114 0050 TIME_WAIT       117\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	all := parseConnections(goldenLines(t, "ip_vs_conn.txt"))
	for _, grep := range [][]string{{"grep"}, {"busybox", "grep"}} {
		for _, tt := range []struct {
			pattern string
			want    []connection
		}{
			{pattern("tcp", all[0].from, s.Endpoint()), all[:1]},
			{pattern("tcp", connection{}.from, s.Endpoint()), all},
		} {
			out, err := exec.Command(grep[0], append(grep[1:], "-e", tt.pattern, file)...).Output()
			if got := parseConnections(strings.Split(string(out), "\n")); err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%v %s: %v\n%s", grep, tt.pattern, err, out)
			}
		}
	}
}

func TestShellcheck(t *testing.T) {
	t.Parallel()
	for name, text := range everyScript("/nowhere") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// SC2016 wonders whether the $() in our quoted values should expand.
			cmd := exec.Command("shellcheck", "--shell=sh", "--severity=style", "--exclude=SC2016", "-")
			cmd.Stdin = strings.NewReader("#!/bin/sh\n" + text)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
