// The keys that the protocol signs and seals with.
import { createStoreEpoch } from '../oidc/artefacts/store-epoch.ts'
import { createKeyFile } from '../oidc/keys/key-file.ts'
import { createKeyRing } from '../oidc/keys/ring.ts'
import { keyPolicy } from '../oidc/lifetimes.ts'
import type { Store } from '../store/store.ts'
import type { Needs } from './needs.ts'

export type ProtocolKeys = ReturnType<typeof createKeys>

export function createKeys({ settings, log, metrics, now }: Needs, store: Store) {
  const { signing } = settings
  const { algorithms, jwksFile: path } = signing
  const epoch = createStoreEpoch({ epoch: store.epoch, log })
  const policy = keyPolicy(signing)
  const file = path === undefined ? undefined : createKeyFile({ path, algorithms, log, metrics })
  const ring = createKeyRing({ keys: store.keys, algorithms, policy, file, now, log, metrics })
  return { epoch, ring, cookies: () => ring.current().cookies }
}
