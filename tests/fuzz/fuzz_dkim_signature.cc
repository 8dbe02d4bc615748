// DKIM-Signature fields, alone and through a whole verification: a signature that no key signed
// never passes, and what is found well formed keeps its promises.

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "dkim/domainkeys.h"
#include "dkim/signature.h"
#include "dkim/trace.h"
#include "dkim/verify.h"

using gatepost::dkim::Outcome;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto library = gatepost::dkim::Library::open();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = gatepost::dkim::parse_signature(text);
  if (parsed.ok() && (parsed.fields.domain.empty() || parsed.fields.selector.empty() ||
                      parsed.fields.signature.empty() || parsed.fields.b_prefix.empty() ||
                      parsed.fields.times_signed("from") == 0)) {
    std::abort();
  }
  gatepost::dkim::Verifier verifier(**library, {}, 1767225600);
  gatepost::Answers answers(1767225600);
  auto key = std::make_shared<gatepost::dns::Answer>();
  key->status = gatepost::dns::Status::ok;
  key->texts = {"k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="};
  if (const auto query = verifier.header({"DKIM-Signature", std::string(text)})) {
    answers.add(*query, key);
  }
  gatepost::dkim::parse_domainkeys(text);
  const std::vector<gatepost::mail::HeaderField> fields = {
      {"DKIM-Signature", std::string(text)}, {"From", " a@example.com"}, {"Subject", " [x] y"}};
  verifier.header(fields[1]);
  verifier.header(fields[2]);
  if (!verifier.end_of_headers()) std::abort();
  verifier.body("text\r\n");
  const auto results = verifier.finish(answers);
  if (!results || results->size() != 1 || results->front().outcome == Outcome::pass ||
      results->front().reason.empty()) {
    std::abort();
  }
  const auto told = gatepost::dkim::trace(**library, fields, "text\r\n", answers, *results);
  if (told.size() != 1 || told.front().empty()) std::abort();
  return 0;
}
