// An OIDCCluster, as the API server has it.
import type { KubeObject } from '@nauthera/stand-in/objects'

export const joinedCluster = (name: string, spec: object = {}, generation = 1): KubeObject => ({
  apiVersion: 'auth.nauthera.io/v1alpha1',
  kind: 'OIDCCluster',
  metadata: { name, generation },
  spec,
})
