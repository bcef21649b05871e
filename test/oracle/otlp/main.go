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

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
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
	printed, err := consumer.NewLogs(printing())
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	receiver, err := factory.CreateLogs(ctx, receivertest.NewNopSettings(factory.Type()), config, printed)
	if err != nil {
		return err
	}
	if err := receiver.Start(ctx, componenttest.NewNopHost()); err != nil {
		return err
	}
	fmt.Println("listening")
	<-ctx.Done()
	return receiver.Shutdown(context.Background())
}

func printing() consumer.ConsumeLogsFunc {
	var lock sync.Mutex
	marshaler := plog.JSONMarshaler{}
	return func(_ context.Context, logs plog.Logs) error {
		line, err := marshaler.MarshalLogs(logs)
		if err != nil {
			return err
		}
		lock.Lock()
		defer lock.Unlock()
		_, err = os.Stdout.Write(append(line, '\n'))
		return err
	}
}
