/** How a configuration begins whose one policy asks for adjustments of one tenant; `keys` and `feedback` are the test's own. */
export function beginningWithFeedback(tenant: string, publicKey: string): string {
  return `version: 1
listen: { socket: verifier.sock }
audit: { stdout: true }
operators: { operator-a: ${tenant} }
identities:
  - name: producer-a
    certificates: [{ sha256: ${'a'.repeat(64)} }]
    keys: [{ kid: k1, publicKey: "${publicKey}" }]
    operators: [operator-a]
policies:
  - { name: adjustments, profile: federation.feedback-query }
`;
}
