/** The ports on which a verifier, or the supervisor of several, shows itself: admin, and where the configuration has one that of the metrics. */
import type { ServerSettings } from '../config/settings.js';
import { startAdminServer, type AdminView } from '../observability/admin-server.js';
import { startMetricsServer } from '../observability/metrics-server.js';

/** Opens both or none; rejects with a sentence when one cannot be had. */
export async function openPorts(
  { admin, metrics }: Pick<ServerSettings, 'admin' | 'metrics'>,
  view: AdminView,
): Promise<{ close(): unknown }> {
  const adminServer = await startAdminServer({ ...admin, ...view });
  if (metrics === undefined) return adminServer;
  try {
    const metricsServer = await startMetricsServer({ ...metrics, registry: view.registry });
    return {
      close: () => {
        adminServer.close();
        metricsServer.close();
      },
    };
  } catch (error) {
    adminServer.close();
    throw error;
  }
}
