/** What the kubelet does from outside a container, as scripts for a Node in the pod's network. Exit 0: the probe passes. */

/** A TCP connection. */
export function connectScript(port: number, address: string): string {
  return `require('net').connect(${port},'${address}').on('connect',()=>process.exit(0)).on('error',(e)=>{console.error(e.message);process.exit(1)})`;
}

/** GET, and a status below 400. */
export function getScript(port: number, path: string, address: string): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return `fetch('http://${host}:${port}${path}').then(async(r)=>{console.log(r.status,await r.text());process.exit(r.ok?0:1)},(e)=>{console.error(String(e.cause));process.exit(1)})`;
}
