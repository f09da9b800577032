// Relative to the page, so that it holds behind every address and prefix. Nothing is sent to other servers.
window.ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
});
