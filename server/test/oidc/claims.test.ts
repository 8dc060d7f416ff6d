import { expect } from 'chai'
import { create } from '@bufbuild/protobuf'
import { ClaimFromGroupsSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { claimsFromGroups, claimsOf } from '../../src/oidc/claims.ts'
import type { User } from '../../src/store/people/user.ts'

const user: User = {
  id: 'id',
  source: 'postgres',
  sourceKey: undefined,
  username: 'ada',
  email: 'ada@example.com',
  emailVerified: true,
  name: 'Ada',
  locale: 'de',
  profile: {
    given_name: 'Ada',
    address: { country: 'GB' },
    phone_number_verified: 'yes',
    sub: 'other',
    updated_at: 'x',
    admin: true,
  },
  passwordChangeRequired: false,
  disabled: false,
  createdAt: new Date(0),
  updatedAt: new Date(5000),
  groups: ['engineers'],
  groupOrigins: { postgres: ['engineers'] },
}

describe('claimsOf', () => {
  const claims = claimsOf(user)
  it('gives the standard claims in the types of the standard', () => {
    expect(claims).to.deep.include({
      sub: 'id',
      preferred_username: 'ada',
      email_verified: true,
      updated_at: 5,
      address: { country: 'GB' },
    })
  })
  it('ignores profile values of a wrong type, unknown claims, and a sub in the profile', () => {
    expect(claims).to.not.have.any.keys('phone_number_verified', 'admin')
    expect(claims['sub']).to.equal('id')
  })
  it('leaves out claims without a value', () => {
    expect(claimsOf({ ...user, email: undefined })).to.not.have.any.keys('email', 'email_verified')
  })
})

describe('claimsFromGroups', () => {
  const rule = (join: string) =>
    create(ClaimFromGroupsSchema, {
      name: 'roles',
      join,
      fromGroups: [
        { group: 'engineers', values: ['admin', 'dev'] },
        { group: 'all', values: ['dev'] },
        { group: 'finance', values: ['books'] },
      ],
    })
  for (const [join, wanted] of [
    ['Array', ['admin', 'dev']],
    ['CSV', 'admin,dev'],
    ['SSV', 'admin dev'],
  ] as const) {
    it(`joins values as ${join}, each once`, () => {
      expect(claimsFromGroups([rule(join)], ['engineers', 'all'])).to.deep.equal({ roles: wanted })
    })
  }
  it('leaves a claim without a value out', () =>
    expect(claimsFromGroups([rule('Array')], ['guests'])).to.deep.equal({}))
})
