package main

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"cxmirror/pkg/store/storetest"
)

// composeFile is what a compose file may say: whatever else it says fails to be read.
type composeFile struct {
	Name     string
	Services map[string]composeService
	Networks map[string]struct {
		IPAM struct {
			Config []struct{ Subnet, Gateway string }
		}
	}
	Volumes map[string]any
}

type composeService struct {
	Image       string
	Build       struct{ Context string }
	Command     []string
	Ports       []string
	Environment map[string]string
	Healthcheck struct {
		Test        []string
		Interval    time.Duration
		Timeout     time.Duration
		StartPeriod time.Duration `yaml:"start_period"`
		Retries     int
	}
	Volumes         []string
	DependsOn       map[string]struct{ Condition string } `yaml:"depends_on"`
	StopGracePeriod time.Duration                         `yaml:"stop_grace_period"`
	ReadOnly        bool                                  `yaml:"read_only"`
	Tmpfs           []string
	CapDrop         []string `yaml:"cap_drop"`
	SecurityOpt     []string `yaml:"security_opt"`
	Restart         string
}

func readCompose(t *testing.T) composeFile {
	t.Helper()
	var file composeFile
	if err := yaml.NewDecoder(bytes.NewReader([]byte(readFile(t, "compose.yaml"))), yaml.Strict()).Decode(&file); err != nil {
		t.Fatal(err)
	}
	if len(file.Services) != 2 || len(file.Services["cxmirror"].Environment) == 0 {
		t.Fatalf("it has the services %v", slices.Sorted(maps.Keys(file.Services)))
	}
	return file
}

// substituted is a text as compose reads it: ${NAME}, ${NAME:-without it} and ${NAME:?why it has to be there}.
func substituted(t *testing.T, text string, environment map[string]string) string {
	t.Helper()
	return regexp.MustCompile(`\$\{(\w+)(?::([-?])([^}]*))?\}`).ReplaceAllStringFunc(text, func(all string) string {
		parts := regexp.MustCompile(`\$\{(\w+)(?::([-?])([^}]*))?\}`).FindStringSubmatch(all)
		switch value := environment[parts[1]]; {
		case value != "":
			return value
		case parts[2] == "?":
			t.Fatalf("%s: %s", parts[1], parts[3])
		}
		return parts[3]
	})
}

// imageSets returns what an instruction of the image's last stage says.
func imageSets(t *testing.T, instruction string) string {
	t.Helper()
	source := readFile(t, "../../Dockerfile")
	last := source[strings.LastIndex(source, "\nFROM "):]
	_, rest, found := strings.Cut(last, "\n"+instruction+" ")
	if !found {
		t.Fatalf("the image has no %s", instruction)
	}
	said, _, _ := strings.Cut(rest, "\n")
	return said
}

// The services fit each other, the image and the program, and let nobody in who should not come.
func TestComposeFile(t *testing.T) {
	file := readCompose(t)
	served, database := file.Services["cxmirror"], file.Services["postgres"]
	help := cxmirror(t, "serve", "--help").stdout
	for name := range served.Environment {
		known := name == "PGPASSWORD" // read by what speaks to PostgreSQL
		if variable, ours := strings.CutPrefix(name, "CXMIRROR_"); ours {
			flag := "--" + strings.ToLower(strings.ReplaceAll(variable, "_", "-"))
			known = strings.Contains(help, flag+"=") || strings.Contains(help, flag+" ")
		}
		if !known {
			t.Errorf("%s is no setting of serve", name)
		}
	}
	if _, err := os.Stat(filepath.Join(served.Build.Context, "Dockerfile")); err != nil || !slices.Equal(served.Command, []string{"serve"}) {
		t.Errorf("it builds %q, and runs %q: %v", served.Build.Context, served.Command, err)
	}
	_, port, err := net.SplitHostPort(served.Environment["CXMIRROR_LISTEN"])
	if err != nil || !slices.Equal(served.Ports, []string{"127.0.0.1:" + port + ":" + port}) || len(database.Ports) > 0 {
		t.Errorf("ports %v and %v, and it listens at %q: others than this machine reach it, or nobody does", served.Ports, database.Ports, served.Environment["CXMIRROR_LISTEN"])
	}
	if got := substituted(t, served.Environment["CXMIRROR_ADDRESS"], nil); got != "http://127.0.0.1:"+port {
		t.Errorf("unless it is told, links begin with %q", got)
	}

	dsn, err := url.Parse(served.Environment["CXMIRROR_DSN"])
	if err != nil {
		t.Fatal(err)
	}
	if _, spelled := dsn.User.Password(); spelled || dsn.Host != "postgres:5432" ||
		dsn.User.Username() != database.Environment["POSTGRES_USER"] || dsn.Path != "/"+database.Environment["POSTGRES_DB"] {
		t.Errorf("%s does not lead to the database: %v", dsn, database.Environment)
	}
	asked := regexp.MustCompile(`^\$\{POSTGRES_PASSWORD:\?[^}]+\}$`) // compose does not start without it
	for _, password := range []string{served.Environment["PGPASSWORD"], database.Environment["POSTGRES_PASSWORD"]} {
		if !asked.MatchString(password) {
			t.Errorf("the password is %q", password)
		}
	}
	name, tag, _ := strings.Cut(database.Image, ":")
	major, err := strconv.Atoi(tag)
	if name != "postgres" || err != nil || major < 18 || !slices.Equal(database.Volumes, []string{"answers:/var/lib/postgresql"}) {
		t.Errorf("the database is %q, with %v; want a major version, from 18 on, whose data lie where that keeps them", database.Image, database.Volumes)
	}
	if served.DependsOn["postgres"].Condition != "service_healthy" || !slices.Equal(database.Healthcheck.Test, []string{"CMD-SHELL", "pg_isready --username " + database.Environment["POSTGRES_USER"]}) {
		t.Errorf("it waits for %v; healthy is %q", served.DependsOn, database.Healthcheck.Test)
	}

	data, _ := strings.CutPrefix(imageSets(t, "ENV"), "CXMIRROR_DATA=")
	if !slices.Equal(served.Volumes, []string{"secret:" + data}) || imageSets(t, "VOLUME") != data {
		t.Errorf("volumes %v; the image keeps its data in %s", served.Volumes, data)
	}
	for _, service := range file.Services {
		for _, volume := range service.Volumes {
			if name, _, _ := strings.Cut(volume, ":"); !declared(file.Volumes, name) {
				t.Errorf("volume %s is not declared", volume)
			}
		}
		if service.Restart != "unless-stopped" || service.Healthcheck.Interval < time.Second || service.Healthcheck.Timeout < time.Second {
			t.Errorf("%+v is not started again, or not looked at", service)
		}
	}
	program := imageSets(t, "ENTRYPOINT")
	check := slices.Concat([]string{"CMD"}, []string{strings.Trim(program, `["]`), "healthcheck"})
	if !slices.Equal(served.Healthcheck.Test, check) {
		t.Errorf("healthy is %q; want %q", served.Healthcheck.Test, check)
	}
	if served.StopGracePeriod <= stopPatience {
		t.Errorf("it is killed after %s, while requests have %s to end", served.StopGracePeriod, stopPatience)
	}
	if !served.ReadOnly || !slices.Equal(served.CapDrop, []string{"ALL"}) || !slices.Equal(served.SecurityOpt, []string{"no-new-privileges:true"}) || !slices.Equal(served.Tmpfs, []string{"/tmp"}) {
		t.Errorf("it may more than it needs: %+v", served)
	}
	network := file.Networks["default"].IPAM.Config
	if len(network) != 1 {
		t.Fatalf("networks: %+v", file.Networks)
	}
	subnet, err := netip.ParsePrefix(network[0].Subnet)
	gateway, err2 := netip.ParseAddr(network[0].Gateway)
	if err != nil || err2 != nil || !gateway.IsPrivate() || !subnet.Contains(gateway) || served.Environment["CXMIRROR_TRUST_PROXY"] != gateway.String()+"/32" {
		t.Errorf("%+v: it trusts %q, which is not the machine alone", network, served.Environment["CXMIRROR_TRUST_PROXY"])
	}
}

func declared[T any](all map[string]T, name string) bool {
	_, ok := all[name]
	return ok
}

// The image runs the program as somebody who is not root, says which directory is to be kept and how to see that it is
// healthy, and is built by the version of Go that the module names.
func TestImageFile(t *testing.T) {
	for instruction, want := range map[string]string{
		"ENV": "CXMIRROR_DATA=/var/lib/cxmirror", "VOLUME": "/var/lib/cxmirror", "USER": "65532:65532", "ENTRYPOINT": `["/usr/bin/cxmirror"]`, "CMD": `["serve"]`,
	} {
		if got := imageSets(t, instruction); got != want {
			t.Errorf("%s %s; want %s", instruction, got, want)
		}
	}
	if check := imageSets(t, "HEALTHCHECK"); !strings.HasSuffix(check, ` CMD ["/usr/bin/cxmirror", "healthcheck"]`) {
		t.Errorf("HEALTHCHECK %s", check)
	}
	source := readFile(t, "../../Dockerfile")
	if !strings.Contains(source, "--chown=65532:65532") {
		t.Error("its data belong to root")
	}
	wanted := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(readFile(t, "../../go.mod"))
	if wanted == nil || !strings.Contains(source, " golang:"+wanted[1]+" AS build\n") {
		t.Errorf("the module is of Go %v, and the image is built by another", wanted)
	}
	for _, line := range regexp.MustCompile(`(?m)^FROM .*`).FindAllString(source, -1) {
		if !regexp.MustCompile(`^FROM (scratch|(--platform=\$BUILDPLATFORM )?[a-z]+:\d+(\.\d+)? AS [a-z]+)$`).MatchString(line) {
			t.Errorf("%s: which one that is changes from day to day", line)
		}
	}
}

// The program answers with the very environment that the compose file sets, in which only the port and where the
// database and the data are is another, and its health check finds it by the same environment.
func TestComposeServes(t *testing.T) {
	file := readCompose(t)
	served := file.Services["cxmirror"]
	_, port, _ := net.SplitHostPort(freeAddress(t))
	environment := map[string]string{"CXMIRROR_DATA": filepath.Join(t.TempDir(), "data")} // the image sets it
	for name, value := range served.Environment {
		environment[name] = substituted(t, value, map[string]string{"POSTGRES_PASSWORD": "with $igns & spaces"})
	}
	for _, name := range []string{"CXMIRROR_LISTEN", "CXMIRROR_ADDRESS"} {
		if !strings.Contains(environment[name], ":8080") {
			t.Fatalf("%s is %q", name, environment[name])
		}
		environment[name] = strings.Replace(environment[name], ":8080", ":"+port, 1)
	}
	given := map[string]string{}
	for part := range strings.FieldsSeq(storetest.StartPostgres(t).Database(t)) {
		name, value, _ := strings.Cut(part, "=")
		given[name] = value
	}
	environment["CXMIRROR_DSN"] = strings.Replace(strings.Replace(environment["CXMIRROR_DSN"], "@postgres:5432/cxmirror", "@/"+given["dbname"], 1),
		"/"+given["dbname"], "/"+given["dbname"]+"?host="+url.QueryEscape(given["host"]), 1)
	var variables []string
	for _, name := range slices.Sorted(maps.Keys(environment)) {
		variables = append(variables, name+"="+environment[name])
	}

	p := launchIn(t, variables, served.Command...)
	healthy := func() bool {
		check := launchIn(t, variables, served.Healthcheck.Test[2:]...)
		<-check.ended
		return check.command.ProcessState.Success()
	}
	for deadline := time.Now().Add(time.Minute); !healthy(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it is not healthy within a minute:\n%s\n%s", p.stdout, p.stderr)
		}
	}
	response, err := http.Get("http://127.0.0.1:" + port + "/readyz")
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", response, err)
	}
	response.Body.Close()
	if want := fmt.Sprintf("http://127.0.0.1:%s/set-up/", port); !strings.Contains(p.stdout.String(), want) {
		t.Errorf("its link to set it up does not begin with %s:\n%s", want, p.stdout)
	}
	if log := p.stderr.String(); !strings.Contains(log, `"database":"postgres"`) || strings.Contains(log, "with $igns") {
		t.Errorf("it logs no JSON, is not on PostgreSQL, or tells the password:\n%s", log)
	}
}
