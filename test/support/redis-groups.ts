/** Several real Redis servers that belong together: a master with replicas and sentinels, and a cluster. */
import { RedisServer } from './redis-server.js';
import { until } from './until.js';

/** A master, its replica, and three sentinels of which two have to agree. */
export interface SentinelGroup {
  readonly name: string;
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly sentinels: readonly RedisServer[];
  readonly all: readonly RedisServer[];
}

const SENTINELS = 3;
const MASTER_NAME = 'nonces';
const DOWN_AFTER_MS = 500;
const LOOK = { everyMs: 50, atMostMs: 60_000 };

/**
 * Resolves when a fail-over could succeed. The sentinels are started last: they ask a master for its replicas when
 * they meet it, and after that only every ten seconds.
 */
export async function startSentinelGroup(): Promise<SentinelGroup> {
  const master = await RedisServer.start({ directives: ['repl-diskless-sync-delay 0'] });
  const replica = await RedisServer.start({ directives: [`replicaof 127.0.0.1 ${master.address.port}`] });
  await until('the replica has the data', () => hasOnlineReplicas(master, 1), LOOK);
  const sentinels = await Promise.all(Array.from({ length: SENTINELS }, () => startSentinel(master)));
  const group = {
    name: MASTER_NAME,
    master,
    replica,
    sentinels,
    all: [...sentinels, replica, master],
  };
  await until('the sentinels know each other and the replica', () => isReady(group), LOOK);
  return group;
}

function startSentinel(master: RedisServer): Promise<RedisServer> {
  const directives = [
    `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${master.address.port} 2`,
    `sentinel down-after-milliseconds ${MASTER_NAME} ${DOWN_AFTER_MS}`,
    // Twice this is how long a fail-over that came to nothing holds up the next one.
    `sentinel failover-timeout ${MASTER_NAME} 3000`,
  ];
  return RedisServer.start({ isSentinel: true, directives });
}

async function isReady({ sentinels }: Pick<SentinelGroup, 'sentinels'>): Promise<boolean> {
  const known = await Promise.all(
    sentinels.map(async (sentinel) => ({
      others: await sentinel.command('SENTINEL', 'sentinels', MASTER_NAME),
      replicas: String(await sentinel.command('SENTINEL', 'replicas', MASTER_NAME)),
    })),
  );
  return known.every(
    ({ others, replicas }) =>
      Array.isArray(others) && others.length === SENTINELS - 1 && replicas.includes('master-link-status,ok'),
  );
}

/** Whether so many replicas have caught up with a master. */
export async function hasOnlineReplicas(master: RedisServer, count: number): Promise<boolean> {
  const info = String(await master.command('INFO', 'replication'));
  return [...info.matchAll(/state=online/g)].length >= count;
}

/** Whether a server takes writes. One that is being promoted ends every connection. */
export async function isMaster(server: RedisServer): Promise<boolean> {
  try {
    return String(await server.command('ROLE')).startsWith('master');
  } catch {
    return false;
  }
}

/** A cluster of three masters; with `replicated`, each has a replica: `replicas[n]` is that of `masters[n]`. */
export interface RedisCluster {
  readonly masters: readonly RedisServer[];
  readonly replicas: readonly RedisServer[];
  readonly all: readonly RedisServer[];
}

const SLOTS = [
  [0, 5_460],
  [5_461, 10_922],
  [10_923, 16_383],
] as const;

/** Resolves when every node says that the cluster is whole. */
export async function startCluster({
  replicated = false,
  nodeTimeoutMs = 1_000,
} = {}): Promise<RedisCluster> {
  const nodes = await Promise.all(Array.from({ length: replicated ? 6 : 3 }, () => startNode(nodeTimeoutMs)));
  const [masters, replicas] = [nodes.slice(0, 3), nodes.slice(3)];
  for (const [at, node] of nodes.entries()) {
    await node.command('CLUSTER', 'SET-CONFIG-EPOCH', at + 1);
    const slots = SLOTS[at];
    if (slots !== undefined) await node.command('CLUSTER', 'ADDSLOTSRANGE', ...slots);
    if (at > 0) await node.command('CLUSTER', 'MEET', '127.0.0.1', masters[0]?.address.port ?? 0);
  }
  await untilWhole(nodes);
  for (const [at, replica] of replicas.entries()) await attach(replica, masters[at]);
  await untilWhole(nodes);
  return { masters, replicas, all: nodes };
}

function startNode(nodeTimeoutMs: number): Promise<RedisServer> {
  const directives = [
    'cluster-enabled yes',
    `cluster-node-timeout ${nodeTimeoutMs}`,
    'repl-diskless-sync-delay 0',
  ];
  return RedisServer.start({ directives });
}

async function attach(replica: RedisServer, master: RedisServer | undefined): Promise<void> {
  if (master === undefined) throw new Error('a replica without a master');
  const id = String(await master.command('CLUSTER', 'MYID'));
  const knows = async (): Promise<boolean> => String(await replica.command('CLUSTER', 'NODES')).includes(id);
  await until('the replica knows its master', knows, LOOK);
  await replica.command('CLUSTER', 'REPLICATE', id);
  await until('the replica has the data', () => hasOnlineReplicas(master, 1), LOOK);
}

async function untilWhole(nodes: readonly RedisServer[]): Promise<void> {
  for (const node of nodes) {
    const isWhole = async (): Promise<boolean> => {
      const info = String(await node.command('CLUSTER', 'INFO'));
      return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${nodes.length}`);
    };
    await until('the cluster is whole', isWhole, LOOK);
  }
}
