// Package cloudsqlconn stands where Vault's SDK imports a connector of databases, with a cloud's client libraries behind
// it: a server that has no database does without.
package cloudsqlconn

// Option and DialOption have the names that the SDK uses, and no meaning.
type (
	Option     func()
	DialOption func()
)

func WithIAMAuthN() Option                        { return nil }
func WithCredentialsJSON([]byte) Option           { return nil }
func WithDefaultDialOptions(...DialOption) Option { return nil }
func WithPrivateIP() DialOption                   { return nil }
func WithPSC() DialOption                         { return nil }
