/** Names in examples/clients, and the person who signs in. */
export const demo = {
  namespace: 'demo',
  web: 'demo-web',
  machine: 'demo-machine',
  secretless: 'report-writer',
  person: 'ada',
}
