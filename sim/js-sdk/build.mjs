// Bundles the SDK with a newer streaming client than its own bundle contains.

import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The SDK as published: one file with the streaming client it was released with. */
export const PUBLISHED = here('node_modules/genesys-cloud-webrtc-sdk/dist/genesys-cloud-webrtc-sdk.bundle.js');

/** Writes the second bundle and gives its path. */
export async function bundleWithNewerClient() {
  const outfile = here('node_modules/.cache/sdk-with-newer-client.js');
  await build({
    entryPoints: [here('node_modules/genesys-cloud-webrtc-sdk/dist/es/index.js')],
    outfile,
    bundle: true,
    format: 'iife',
    globalName: 'GenesysCloudWebrtcSdk',
    platform: 'browser',
    target: 'chrome120',
    logLevel: 'error',
    // The SDK's own copy is older: every import of the streaming client means the newer one.
    alias: { 'genesys-cloud-streaming-client': here('node_modules/genesys-cloud-streaming-client') },
    inject: [here('polyfills.js')],
    define: { global: 'globalThis' },
  });
  return outfile;
}
