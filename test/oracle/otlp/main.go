// A collector that is nothing but OpenTelemetry's own OTLP receiver over HTTP: what it takes is printed as OTLP/JSON, one
// request a line. Arguments: the address, and for TLS a certificate and its key.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 && len(args) != 3 {
		return fmt.Errorf("usage: otlp-collector ADDRESS [CERTIFICATE KEY]")
	}
	http := map[string]any{"endpoint": args[0]}
	if len(args) == 3 {
		http["tls"] = map[string]any{"cert_file": args[1], "key_file": args[2]}
	}
	factory := otlpreceiver.NewFactory()
	config := factory.CreateDefaultConfig()
	settings := confmap.NewFromStringMap(map[string]any{"protocols": map[string]any{"http": http}})
	if err := settings.Unmarshal(config); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	components, err := receivers(ctx, factory, config)
	if err != nil {
		return err
	}
	for _, each := range components {
		if err := each.Start(ctx, componenttest.NewNopHost()); err != nil {
			return err
		}
	}
	fmt.Println("listening")
	<-ctx.Done()
	for _, each := range components {
		if err := each.Shutdown(context.Background()); err != nil {
			return err
		}
	}
	return nil
}

// One for each signal; they share a listener, as their configuration is one.
func receivers(ctx context.Context, factory receiver.Factory, config component.Config) ([]component.Component, error) {
	settings := receivertest.NewNopSettings(factory.Type())
	printedLogs, err := consumer.NewLogs(printingLogs())
	if err != nil {
		return nil, err
	}
	logs, err := factory.CreateLogs(ctx, settings, config, printedLogs)
	if err != nil {
		return nil, err
	}
	printedTraces, err := consumer.NewTraces(printingTraces())
	if err != nil {
		return nil, err
	}
	traces, err := factory.CreateTraces(ctx, settings, config, printedTraces)
	if err != nil {
		return nil, err
	}
	return []component.Component{logs, traces}, nil
}

func printingLogs() consumer.ConsumeLogsFunc {
	marshaler := plog.JSONMarshaler{}
	return func(_ context.Context, logs plog.Logs) error {
		return printed(marshaler.MarshalLogs(logs))
	}
}

func printingTraces() consumer.ConsumeTracesFunc {
	marshaler := ptrace.JSONMarshaler{}
	return func(_ context.Context, traces ptrace.Traces) error {
		return printed(marshaler.MarshalTraces(traces))
	}
}

var lock sync.Mutex

func printed(line []byte, err error) error {
	if err != nil {
		return err
	}
	lock.Lock()
	defer lock.Unlock()
	_, err = os.Stdout.Write(append(line, '\n'))
	return err
}
