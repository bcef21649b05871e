/** From plain objects to readable YAML with comments, and the few values that Envoy writes in a way of its own. */
import { Document, isScalar } from 'yaml';

/** A part of a configuration before it is printed; values may be nodes made by `note`. */
export type Section = Readonly<Record<string, unknown>>;

/** `value` with a comment: above the first line of a map or list, behind a plain value. */
export function note(comment: string, value: unknown): unknown {
  const node = new Document().createNode(value, { aliasDuplicateObjects: false });
  const text = ` ${comment.replaceAll('\n', '\n ')}`;
  if (isScalar(node)) node.comment = text;
  else node.commentBefore = text;
  return node;
}

/**
 * The whole document under a heading. Every section is written out: no anchors, no folded lines. Envoy reads YAML 1.1,
 * where `on` and `n` are no text: what is more than text in either version is quoted.
 */
export function printYaml(heading: string, content: Section): string {
  const document = new Document(content, { aliasDuplicateObjects: false, compat: 'yaml-1.1' });
  document.commentBefore = ` ${heading.replaceAll('\n', '\n ')}`;
  return document.toString({ lineWidth: 0, singleQuote: true });
}

/** Envoy's extension object: its name, and its configuration with the type that says what it is. */
export function extension(name: string, type: string, config: Section): Section {
  return { name, typed_config: { '@type': `type.googleapis.com/${type}`, ...config } };
}

/** A protobuf Duration in Envoy's YAML. */
export function duration(milliseconds: number): string {
  return `${milliseconds / 1000}s`;
}

/** A TCP address to bind or to connect to (envoy.config.core.v3.Address). */
export function socketAddress({
  address,
  port,
}: {
  readonly address: string;
  readonly port: number;
}): Section {
  return { socket_address: { address, port_value: port } };
}
