import { paths } from '@nauthera/rules/endpoints'
import { expect } from 'chai'
import { askedFrom } from '../../src/describe-agent.ts'
import { lockedMail, newDeviceMail, passwordChangedMail } from '../../src/users/notices.ts'

describe('the mails about an account', () => {
  const ada = { id: '1', username: 'ada', name: 'Ada', email: 'ada@example.com', locale: undefined, source: 'postgres' }
  const nobody = { ...ada, email: undefined }
  const happened = { key: 'once', at: new Date(0), asked: askedFrom({ address: '192.0.2.1' }), languages: ['de'] }
  const data = { person: 'Ada', at: '1970-01-01T00:00:00.000Z', asked: happened.asked }
  const to = { to: 'ada@example.com', languages: ['de'] }

  it('go to the person, in a language of the request, and say when and from where', () => {
    expect(passwordChangedMail(ada, happened)).to.deep.equal({
      ...to,
      template: 'password-changed',
      onceKey: 'password-changed:1:once',
      data,
    })
    expect(newDeviceMail(ada, happened, 'Shop')).to.deep.equal({
      ...to,
      template: 'new-device',
      onceKey: 'new-device:1:once',
      data: { ...data, client: 'Shop' },
    })
  })

  it('lead to a new password, which lifts a lock, where the password is ours', () => {
    expect(lockedMail(ada, happened, 5)).to.deep.equal({
      ...to,
      template: 'locked',
      onceKey: 'locked:1:once',
      data: { ...data, minutes: 5, path: paths.forgot },
    })
    const elsewhere = lockedMail({ ...ada, source: 'directory' }, happened, 5)
    expect(elsewhere).to.have.nested.property('data.path', undefined)
  })

  it('go to nobody who has no address', () => {
    const mails = [
      passwordChangedMail(nobody, happened),
      lockedMail(nobody, happened, 5),
      newDeviceMail(nobody, happened, 'Shop'),
    ]
    expect(mails).to.deep.equal([undefined, undefined, undefined])
  })
})
