/** Plain JSON of Envoy, reached into by path, for tests that make one thing wrong. */

/** JSON as a test writes into it. */
export interface Tree {
  [name: string]: Tree;
}

/** The manager of the TLS listener. */
export function manager(bootstrap: Tree): Tree {
  return named(bootstrap['static_resources']!['listeners']!, 'ingress')['filter_chains']![0]!['filters']![0]![
    'typed_config'
  ]!;
}

/** The configuration of an HTTP filter of that listener. */
export function filter(bootstrap: Tree, name: 'ext_authz' | 'ext_proc' | 'lua'): Tree {
  return named(manager(bootstrap)['http_filters']!, `envoy.filters.http.${name}`)['typed_config']!;
}

/** The item of a list that has this name. */
export function named(list: Tree, name: string): Tree {
  const items = list as unknown as Tree[];
  const found = items.find((item) => (item['name'] as unknown) === name);
  if (found === undefined) throw new Error(`nothing is called ${name}`);
  return found;
}

/** A list as one. */
export function items(list: Tree | undefined): Tree[] {
  return list as unknown as Tree[];
}

/** A value where a tree is expected. */
export function tree(value: unknown): Tree {
  return value as Tree;
}

/** The route of the first policy, of the policy whose answers are signed, and the last. */
export function route(bootstrap: Tree, which: 'first' | 'signed' | 'last'): Tree {
  const routes = items(manager(bootstrap)['route_config']!['virtual_hosts']![0]!['routes']);
  return which === 'first' ? routes[0]! : which === 'signed' ? routes[2]! : routes.at(-1)!;
}

/** A cluster. */
export function cluster(bootstrap: Tree, name: string): Tree {
  return named(bootstrap['static_resources']!['clusters']!, name);
}

/** The TLS context of the listener. */
export function tls(bootstrap: Tree): Tree {
  return named(bootstrap['static_resources']!['listeners']!, 'ingress')['filter_chains']![0]![
    'transport_socket'
  ]!['typed_config']!;
}
