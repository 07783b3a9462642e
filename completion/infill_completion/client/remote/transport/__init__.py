"""HTTP/1.1 to a remote server: connections, proxies, redirects, certificates, compression. Entry: `transport`."""
