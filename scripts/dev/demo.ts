/** Names in examples/clients, and the people who sign in: one with a password alone, one with an authenticator app as well. */
export const demo = {
  namespace: 'demo',
  web: 'demo-web',
  machine: 'demo-machine',
  secretless: 'report-writer',
  person: 'ada',
  careful: 'mary',
  /** Members use the help desk, where there is one. */
  deskGroup: 'helpdesk',
}
