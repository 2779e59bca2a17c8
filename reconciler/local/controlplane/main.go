// Command controlplane is everything a local Kubernetes cluster needs, in one binary: etcd, kube-apiserver,
// kube-controller-manager, kube-scheduler, kwok (the node and its pods), kubectl and an OCI registry.
// It is one binary because the parts share nearly all of their packages: built apart they would
// take several times the build time and disk.
//
//	controlplane COMPONENT [FLAG ...]
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sort"
	"strings"
	"syscall"

	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/auth/token"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/etcdmain"
	_ "k8s.io/client-go/plugin/pkg/client/auth"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	nodefast "sigs.k8s.io/kwok/kustomize/stage/node/fast"
	podfast "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
	kwok "sigs.k8s.io/kwok/pkg/kwok/cmd"
	kwokconfig "sigs.k8s.io/kwok/pkg/config"
)

// components maps the first argument to what runs; each returns the exit code of the process.
var components = map[string]func(args []string) int{
	"etcd":                    runEtcd,
	"kube-apiserver":          func([]string) int { return cli.Run(apiserver.NewAPIServerCommand()) },
	"kube-controller-manager": func([]string) int { return cli.Run(controllermanager.NewControllerManagerCommand()) },
	"kube-scheduler":          func([]string) int { return cli.Run(scheduler.NewSchedulerCommand()) },
	"kubectl":                 runKubectl,
	"kwok":                    runKwok,
	"kwok-stages":             printStages,
	"registry":                func([]string) int { return exit(registry.RootCmd.Execute()) },
}

func main() {
	if len(os.Args) < 2 || components[os.Args[1]] == nil {
		names := make([]string, 0, len(components))
		for name := range components {
			names = append(names, name)
		}
		sort.Strings(names)
		fmt.Fprintf(os.Stderr, "usage: controlplane COMPONENT [FLAG ...], COMPONENT one of: %s\n", strings.Join(names, ", "))
		os.Exit(2)
	}
	component := os.Args[1]
	os.Args = append([]string{component}, os.Args[2:]...)
	os.Exit(components[component](os.Args))
}

func runEtcd(args []string) int {
	etcdmain.Main(args)
	return 0
}

func runKubectl([]string) int {
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
	}
	return 0
}

// runKwok gives kwok a flag set of its own: the other components register `version` on the shared one.
func runKwok(args []string) int {
	pflag.CommandLine = pflag.NewFlagSet(args[0], pflag.ExitOnError)
	// The first pass reads only --config; the command itself reads the rest.
	pflag.CommandLine.ParseErrorsAllowlist.UnknownFlags = true
	pflag.CommandLine.Usage = func() {}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, err := kwokconfig.InitFlags(ctx, pflag.CommandLine)
	if err != nil {
		return exit(err)
	}
	var command *cobra.Command = kwok.NewCommand(ctx)
	command.PersistentFlags().AddFlagSet(pflag.CommandLine)
	return exit(command.ExecuteContext(ctx))
}

// printStages writes the node and pod life cycles that kwok's own `fast` set defines: ready at once, gone at once.
func printStages([]string) int {
	stages := []string{
		nodefast.DefaultNodeInit,
		podfast.DefaultPodReady, podfast.DefaultPodComplete, podfast.DefaultPodDelete,
	}
	fmt.Println(strings.Join(stages, "\n---\n"))
	return 0
}

func exit(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
