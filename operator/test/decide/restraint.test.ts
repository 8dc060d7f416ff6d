import { expect } from 'chai'
import { create } from '@bufbuild/protobuf'
import { RestraintSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { noGroup } from '@nauthera/rules/restraint'
import { restraintOf } from '../../src/decide/restraint.ts'

describe(restraintOf.name, () => {
  const rows: [sentence: string, spec: unknown, restraint: object | undefined][] = [
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
    ['values of any shape', { suspended: 'true', access: 7 }, undefined],
    ['no spec', undefined, undefined],
    [
      'a list that no version has room for lets nobody in',
      { access: { allowedGroups: ['a'.repeat(20_000)] } },
      { allowedGroups: [noGroup] },
    ],
  ]
  for (const [sentence, spec, restraint] of rows) {
    it(`reads ${sentence}`, () => {
      expect(restraintOf(spec)).to.deep.equal(restraint && create(RestraintSchema, restraint))
    })
  }
})
