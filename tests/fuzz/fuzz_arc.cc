// A whole header with ARC sets: nobody knows the key, so no chain that is not empty passes, every
// failure has a reason, budgets hold, and what may be sealed can be sealed.

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "core/base/text.h"
#include "dkim/arc/chain.h"
#include "dkim/arc/seal.h"

using namespace gatepost;

namespace {

/// Lines "Name: value"; a line that begins with a blank goes on with the one before it.
std::vector<mail::HeaderField> fields_of(std::string_view text) {
  std::vector<mail::HeaderField> fields;
  for (const std::string_view line : split(text, '\n')) {
    if (!fields.empty() && !line.empty() && (line[0] == ' ' || line[0] == '\t')) {
      fields.back().value.append("\r\n").append(line);
      continue;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || fields.size() == 300) continue;
    fields.push_back({std::string(line.substr(0, colon)), std::string(line.substr(colon + 1))});
  }
  return fields;
}

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static dkim::PublicKeyCache keys;
  static const auto key = dkim::PrivateKey::generate(dkim::KeyType::rsa, 1024);
  auto fields = fields_of({reinterpret_cast<const char*>(data), size});
  bool any = false;
  for (const auto& field : fields) any = any || arc::field_kind(field.name);
  arc::ChainVerifier verifier(keys, fields, {}, 1767225600);
  require(verifier.key_queries().size() <= arc::ChainVerifier::kMaxQueries);
  Answers answers(1767225600);
  auto answer = std::make_shared<dns::Answer>();
  answer->status = dns::Status::ok;
  answer->texts = {"k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="};
  for (const auto& query : verifier.key_queries()) answers.add(query, answer);
  verifier.body("text \r\n");
  const arc::ChainResult chain = verifier.finish(answers);
  require(chain.status == (any ? arc::ChainStatus::fail : arc::ChainStatus::none));
  require(any == !chain.reason.empty());
  require(chain.instance >= 0 && chain.instance <= arc::kMaxInstance);
  require(is_valid_utf8(chain.reason) && chain.reason.find('\n') == std::string::npos);

  fields.push_back({"From", " a@example.com"});
  auto sealer = arc::Sealer::begin(fields, {"example.com", "s", *key}, 1767225600);
  require(sealer.ok());
  sealer->body("text \r\n");
  const auto set = sealer->finish(chain, arc::own_results(fields, "mx.example.com"));
  require(set.ok() == arc::can_seal(chain).ok());
  if (!set) return 0;
  require(arc::parse_field(arc::FieldKind::seal, set->seal).ok());
  require(arc::parse_field(arc::FieldKind::message_signature, set->message_signature).ok());
  const auto results =
      arc::parse_field(arc::FieldKind::authentication_results, set->authentication_results);
  require(results.ok() && results.instance == set->instance);
  return 0;
}
