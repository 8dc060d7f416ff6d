import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { clusterDefinition, policyDefinition } from '@nauthera/operator/api/crds'
import { checkValue } from '@nauthera/operator/api/check'
import { clusterSpec } from '@nauthera/operator/api/oidc-cluster'
import type { OIDCCluster } from '@nauthera/operator/api/oidc-cluster'
import { renderSchema } from '@nauthera/operator/api/schema'
import type { OIDCClient } from '@nauthera/operator/api/oidc-client'
import { checkPolicySpec } from '@nauthera/operator/decide/client/check-spec'
import type { Policies } from '@nauthera/operator/decide/client/policies'
import { fieldsByKind, usesOfFields } from '../../scripts/fields-page.ts'
import { ownRefusals, refusals, schemaOf, withMetadata } from '../../operator/test/api/refusals.ts'
import type { SchemaRefusal } from '../../operator/test/api/refusals.ts'
import { clusterRows } from './support/cluster-fields.ts'
import { clientRows } from './support/client-fields.ts'
import { withValue } from './support/field-row.ts'
import type { FieldRow } from './support/field-row.ts'
import { policyRows } from './support/policy-fields.ts'

// No field is ignored: each is taken with a good value, refused with words for a bad one, and some test shows what it does.

/** Opens all that a client may have only with a policy: a row is about the field itself. */
const open: Policies = [
  {
    name: 'open',
    spec: {
      allow: {
        customClientId: true,
        existingSecret: true,
        verifiers: true,
        optionalPKCE: true,
        foreignServiceAccounts: true,
        identityIssuers: ['https://ci.example.com'],
        tokenExchange: true,
        resourceServer: true,
      },
    },
  },
]

interface Kind {
  readonly rows: readonly FieldRow[]
  /** What the API server says of a spec, then what the operator says. */
  readonly refusals: (
    spec: Record<string, unknown>,
  ) => readonly [api: readonly SchemaRefusal[], own: readonly SchemaRefusal[]]
}

const kinds: Readonly<Record<string, Kind>> = {
  OIDCClient: {
    rows: clientRows,
    refusals: (spec) => {
      const metadata =
        'origin' in spec ? { name: 'shop.app', namespace: 'nauthera-cluster-edge' } : { name: 'app', namespace: 'demo' }
      const object = withMetadata({ metadata, spec } as unknown as OIDCClient)
      return [refusals(object), ownRefusals(object, open)]
    },
  },
  OIDCPolicy: {
    rows: policyRows,
    refusals: (spec) => [
      refusals({ metadata: { name: 'all' }, spec }, undefined, schemaOf(policyDefinition)),
      checkPolicySpec(spec, 'spec'),
    ],
  },
  OIDCCluster: {
    rows: clusterRows,
    refusals: (spec) => {
      const edge: Pick<OIDCCluster, 'metadata'> = { metadata: { name: 'edge', uid: 'u1' } }
      const object = { ...edge, spec }
      return [
        refusals(object, undefined, schemaOf(clusterDefinition)),
        checkValue(renderSchema(clusterSpec), spec, 'spec'),
      ]
    },
  },
}
const spelled = ({ path, message }: SchemaRefusal): string => `${path}: ${message}`

describe('each field of an OIDCClient, an OIDCPolicy and an OIDCCluster', () => {
  const uses = usesOfFields('examples')
  for (const [kind, fields] of Object.entries(fieldsByKind())) {
    const { rows, refusals: refusalsOf } = kinds[kind]!

    it(`${kind}: says what it does`, () => {
      expect(fields.filter(({ schema }) => (schema.description ?? '') === '').map(({ path }) => path)).to.deep.equal([])
    })

    it(`${kind}: stands in an example`, () => {
      expect(fields.map(({ path }) => path).filter((path) => !uses.has(`${kind} ${path}`))).to.deep.equal([])
    })

    it(`${kind}: has its row here`, () => {
      expect(rows.map(([path]) => path)).to.have.members(fields.map(({ path }) => path))
    })

    for (const [path, good, bad, refusal, file, sentence, around, by] of rows) {
      it(`${kind} ${path}: is taken, does something, and is refused with a reason`, () => {
        const taken = refusalsOf(withValue(around, path, good))
        expect(taken, JSON.stringify(good)).to.deep.equal([[], []])

        const [api, own] = refusalsOf(withValue(around, path, bad))
        expect(own.map(spelled), `the operator, of ${JSON.stringify(bad)}`).to.include(refusal)
        // the API server puts what was given before the words
        const [, words] = refusal.split(/^[^:]+: /)
        if (by === 'operator') expect(api, 'the API server').to.deep.equal([])
        else expect(api.map(({ message }) => message).join('\n'), 'the API server').to.contain(words)

        expect(readFileSync(file, 'utf8'), file).to.contain(sentence)
        expect(sentence.length, 'the sentence of a test').to.be.greaterThan(8)
      })
    }
  }
})
