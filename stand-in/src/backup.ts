import type { KubeApi } from './kube-api.ts'
import type { KubeObject } from './objects.ts'

/** Objects as a backup keeps them. */
export type Backup = readonly KubeObject[]

/** What Velero restores, in its order: what others need comes first. */
const kinds = ['namespaces', 'secrets', 'oidcpolicies', 'oidcclusters', 'oidcclients'] as const
/** Those that are in no namespace. */
const ofCluster: readonly string[] = ['oidcpolicies', 'oidcclusters']

/** @returns all that a backup keeps of these namespaces */
export function readBackup(api: KubeApi, namespaces: readonly string[]): Backup {
  return kinds.flatMap((plural) =>
    api.store
      .all(api.resource(plural))
      .filter(
        ({ metadata: { namespace, name } }) => namespaces.includes(namespace ?? name) || ofCluster.includes(plural),
      ),
  )
}

/** @returns sets these namespaces back to what they hold now, as a restore of etcd does: uids and status come back, and what is newer goes */
export function holdBackup(api: KubeApi, namespaces: readonly string[]): () => void {
  const backup = readBackup(api, namespaces)
  return () => {
    for (const { metadata, ...rest } of backup) {
      const { resourceVersion: _old, ...about } = metadata
      api.set({ ...rest, metadata: about })
    }
    const kept = new Set(backup.map(({ metadata }) => metadata.uid))
    for (const object of readBackup(api, namespaces)) {
      const { uid, namespace, name } = object.metadata
      // its owner may have taken it along
      if (kept.has(uid) || !api.store.find(api.resourceOf(object), namespace, name)) continue
      api.store.remove(api.resourceOf(object), namespace, name)
    }
  }
}

/** The namespaces end, and all that is in them. */
export function removeNamespaces(api: KubeApi, namespaces: readonly string[]): void {
  for (const plural of [...kinds].toReversed()) {
    const resource = api.resource(plural)
    for (const { metadata } of api.store.all(resource)) {
      const isThere = namespaces.includes(metadata.namespace ?? metadata.name)
      // its owner may have taken it along
      if (isThere && api.store.find(resource, metadata.namespace, metadata.name))
        api.store.remove(resource, metadata.namespace, metadata.name)
    }
  }
}

/** Makes the objects anew, as Velero does: without uid, times, status and owners. What is there stays.
 *  @param options.keepsOwners the owners stay, with the uids of before: so do other tools */
export function restoreBackup(api: KubeApi, backup: Backup, options: { readonly keepsOwners?: boolean } = {}): void {
  for (const object of backup) {
    const { status: _left, ...rest } = object
    const { namespace, name, labels, annotations, ownerReferences } = object.metadata
    const resource = api.resourceOf(object)
    if (api.store.find(resource, namespace, name)) continue
    const owners = options.keepsOwners && ownerReferences ? { ownerReferences } : {}
    const place = namespace === undefined ? {} : { namespace }
    const metadata = { ...place, name, labels: labels ?? {}, annotations: annotations ?? {}, ...owners }
    api.store.create(resource, { ...rest, metadata })
  }
}

/** Restores over what is there, by a policy for existing resources as Velero has it: `update` changes labels, annotations and data, and leaves
 *  the owners; `recreate` deletes it first; `none` leaves it. */
export function putOver(api: KubeApi, backup: Backup, policy: 'update' | 'recreate' | 'none'): void {
  if (policy === 'none') return restoreBackup(api, backup)
  for (const object of backup) {
    const { status: _left, metadata, ...rest } = object
    const { namespace, name, labels = {}, annotations = {} } = metadata
    const resource = api.resourceOf(object)
    const found = api.store.find(resource, namespace, name)
    if (found && policy === 'update')
      api.set({ ...found, ...rest, metadata: { ...found.metadata, labels, annotations } })
    else {
      if (found) api.store.remove(resource, namespace, name)
      restoreBackup(api, [object])
    }
  }
}
