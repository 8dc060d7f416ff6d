/** Characters of the request of a device, as JSON: anybody can ask for a code, and each is a row. */
export const longestDeviceRequest = 2000
