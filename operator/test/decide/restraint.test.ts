import { expect } from 'chai'
import { create } from '@bufbuild/protobuf'
import { RestraintSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { acrLevels } from '@nauthera/rules/acr'
import { noGroup } from '@nauthera/rules/restraint'
import { endedVerifiersIn, restraintOf } from '../../src/decide/client/restraint.ts'

describe(restraintOf.name, () => {
  const strongest = acrLevels.at(-1)!
  type Row = [sentence: string, spec: unknown, restraint: object | undefined]
  const rows: Row[] = [
    ['nothing asks for nothing', { type: 'Web' }, undefined],
    ['a suspension', { suspended: true }, { suspended: true }],
    ['groups, each once', { access: { allowedGroups: ['a', 'b', 'a'] } }, { allowedGroups: ['a', 'b'] }],
    [
      'the weakest level that is enough',
      { access: { requiredAcr: ['urn:nauthera:mfa'] } },
      { leastAcr: 'urn:nauthera:mfa' },
    ],
    ['a level that nobody knows is none', { access: { requiredAcr: ['urn:example:gold'] } }, undefined],
    [
      'what can be read of a broken spec',
      { suspended: true, access: { allowedGroups: [1, 'a', null] } },
      { suspended: true, allowedGroups: ['a'] },
    ],
    ...[{ access: 7 }, { access: [{ allowedGroups: ['staff'] }] }].map((spec): Row => [
      `an access that cannot be read as the narrowest: ${JSON.stringify(spec)}`,
      spec,
      { allowedGroups: [noGroup], leastAcr: strongest },
    ]),
    ['a suspension that cannot be read as one', { suspended: 'true' }, { suspended: true }],
    ...[5, 'staff', [5]].map((allowedGroups): Row => [
      `groups that cannot be read as nobody: ${JSON.stringify(allowedGroups)}`,
      { access: { allowedGroups } },
      { allowedGroups: [noGroup] },
    ]),
    ...['urn:nauthera:pwd', [5]].map((requiredAcr): Row => [
      `levels that cannot be read as the strongest: ${JSON.stringify(requiredAcr)}`,
      { access: { requiredAcr } },
      { leastAcr: strongest },
    ]),
    [
      'fields that are null as absent',
      { suspended: null, access: { allowedGroups: null, requiredAcr: null } },
      undefined,
    ],
    ['empty lists as open', { access: { allowedGroups: [], requiredAcr: [] } }, undefined],
    ['no spec', undefined, undefined],
    [
      'a list that no version has room for lets nobody in',
      { access: { allowedGroups: ['a'.repeat(20_000)] } },
      { allowedGroups: [noGroup] },
    ],
    [
      'a suspension that a cluster says beside the version',
      { type: 'Web', restraint: { suspended: true } },
      { suspended: true },
    ],
    [
      'groups that are in both, of the version and of what its cluster says today',
      { access: { allowedGroups: ['a', 'b'] }, restraint: { allowedGroups: ['b', 'c'] } },
      { allowedGroups: ['b'] },
    ],
    [
      'two lists without a common group as nobody',
      { access: { allowedGroups: ['a'] }, restraint: { allowedGroups: ['c'] } },
      { allowedGroups: [noGroup] },
    ],
    [
      'the stronger level of the two',
      { access: { requiredAcr: ['urn:nauthera:mfa'] }, restraint: { leastAcr: acrLevels[0] } },
      { leastAcr: 'urn:nauthera:mfa' },
    ],
    [
      'a level that only a later version knows as the strongest',
      { restraint: { leastAcr: 'urn:example:later' } },
      { leastAcr: strongest },
    ],
    [
      'both, when each says something else',
      { suspended: true, restraint: { allowedGroups: ['a'] } },
      { suspended: true, allowedGroups: ['a'] },
    ],
    ['what a cluster says and nobody can read as a suspension', { restraint: 'none' }, { suspended: true }],
    [
      'the ends of secrets as nothing that stops the client',
      { restraint: { endedVerifiers: ['0a1b2c3d'] } },
      undefined,
    ],
  ]
  for (const [sentence, spec, restraint] of rows) {
    it(`reads ${sentence}`, () => {
      expect(restraintOf(spec)).to.deep.equal(restraint && create(RestraintSchema, restraint))
    })
  }
})

describe(endedVerifiersIn.name, () => {
  for (const [sentence, spec, ended] of [
    [
      'the ids that a cluster names',
      { restraint: { endedVerifiers: ['0a1b2c3d', '4e5f6071'] } },
      ['0a1b2c3d', '4e5f6071'],
    ],
    ['those that can be read', { restraint: { endedVerifiers: [7, '0a1b2c3d', null] } }, ['0a1b2c3d']],
    ['none in a list of another shape', { restraint: { endedVerifiers: '0a1b2c3d' } }, []],
    ['none without a restraint', { type: 'Web' }, []],
    ['none without a spec', undefined, []],
  ] as const)
    it(`reads ${sentence}`, () => expect(endedVerifiersIn(spec)).to.deep.equal(ended))
})
