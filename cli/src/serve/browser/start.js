// Relative to the page, so that it holds behind every address and prefix. Nothing is sent to other servers.
window.ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  onComplete: leaveFormsEmpty,
});

// Swagger UI fills every field of a form with a made-up value, even `file_url` in addition to `file`. This leaves the
// fields empty that have no default. In a form, the second argument is false.
function leaveFormsEmpty() {
  const { fn } = window.ui.getSystem();
  const sample = fn.getSampleSchema;
  fn.getSampleSchema = (schema, contentType, ...others) =>
    contentType === false ? schema?.get?.("default") ?? "" : sample(schema, contentType, ...others);
}
