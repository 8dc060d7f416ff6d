import { join } from 'node:path'
import { parse } from 'yaml'
import { readManifests } from '@nauthera/stand-in/manifests'
import { refusals, schemaOf } from '../../operator/test/api/refusals.ts'
import { tryConfiguration } from './support/configuration.ts'
import { goSource } from './support/prepare.ts'

const version = '1.9.1'
const file = 'charts/gateway-helm/charts/crds/crds/generated/gateway.envoyproxy.io_securitypolicies.yaml'

tryConfiguration({
  page: 'envoy-gateway',
  name: 'Envoy Gateway, by the CustomResourceDefinition of its chart',
  version,
  prepare: async () => join(await goSource('github.com/envoyproxy/gateway', version), file),
  block: 'kind: SecurityPolicy',
  read(text, definition) {
    const schema = schemaOf(readManifests(definition)[0] as unknown as Parameters<typeof schemaOf>[0])
    const said = refusals(parse(text) as object, undefined, schema).map(({ path, message }) => `${path}: ${message}`)
    return Promise.resolve(said.length > 0 ? said.join('\n') : 'taken')
  },
  taken: 'taken',
  mistake: { right: 'clientIDRef: { name: wiki-oidc }', wrong: '', said: 'clientID' },
})
