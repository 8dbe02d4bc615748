// gatepost arc: the chain of a message, and a set of our own on top of it (RFC 8617).

#include <cstdio>
#include <ctime>

#include "core/authres/authentication_results.h"
#include "core/base/text.h"
#include "core/mail/address.h"
#include "core/mail/header_block.h"
#include "dkim/arc/seal.h"
#include "filter/apps/gatepost/command.h"

namespace gatepost::command {

namespace {

struct VerifyOptions {
  Common common;
  bool trace = false;
  std::string file;
};

struct SealOptions {
  Common common;
  std::string domain, selector, key_file, authserv_id, file;
};

Result<arc::ChainResult> validate(Tools& tools, const mail::ParsedMessage& message) {
  dkim::PublicKeyCache keys;
  arc::ChainVerifier verifier(keys, message.fields, {}, tools.clock.unix_time());
  verifier.body(message.body);
  Answers answers(tools.clock.unix_time());
  arc::KeysFlow flow(verifier.key_queries());
  const auto asked = tools.run(flow, answers);
  if (!asked.ok()) return asked.error();
  return verifier.finish(answers);
}

/// "; d=…; spf=pass …" without its authserv-id, one text a result.
std::vector<std::string> result_lines(const arc::SetResult& set) {
  std::vector<std::string> lines;
  const auto parsed = authres::parse(set.results);
  if (!parsed) return {"cannot be read: " + parsed.error().text()};
  for (const authres::AuthResult& result : parsed->results) {
    const std::string text = authres::format({"x", "", {result}}, " ");
    lines.push_back(text.substr(std::string_view("x; ").size()));
  }
  return lines;
}

std::string authserv_id_of(const arc::SetResult& set) {
  const auto parsed = authres::parse(set.results);
  return parsed ? parsed->authserv_id : "";
}

Json check_json(const arc::SignatureCheck& check) {
  Json json = {{"domain", text(check.domain)},
               {"selector", text(check.selector)},
               {"algorithm", text(check.algorithm)},
               {"result", arc::to_string(check.result)},
               {"reason", text(check.reason)}};
  json["timestamp"] = check.timestamp ? Json(*check.timestamp) : Json();
  return json;
}

Json to_json(const arc::ChainResult& chain) {
  Json sets = Json::array();
  for (const arc::SetResult& set : chain.sets) {
    Json results = Json::array();
    for (const std::string& line : result_lines(set)) results.push_back(text(line));
    sets.push_back({{"instance", set.instance},
                    {"cv", set.cv},
                    {"seal", check_json(set.seal)},
                    {"message_signature", check_json(set.message)},
                    {"authserv_id", text(authserv_id_of(set))},
                    {"results", std::move(results)}});
  }
  return {{"result", arc::to_string(chain.status)},
          {"instance", chain.instance},
          {"oldest_pass", chain.oldest_pass ? Json(*chain.oldest_pass) : Json()},
          {"reason", text(chain.reason)},
          {"temporary", chain.temporary},
          {"sets", std::move(sets)}};
}

std::string time_text(const std::optional<std::int64_t>& at) {
  if (!at) return "at an unknown time";
  const std::time_t seconds = *at;
  std::tm parts{};
  char buffer[64] = "";
  if (::gmtime_r(&seconds, &parts) == nullptr ||
      std::strftime(buffer, sizeof buffer, "on %Y-%m-%d at %H:%M:%S UTC", &parts) == 0)
    return "at " + std::to_string(*at);
  return buffer;
}

std::string check_text(const arc::SignatureCheck& check) {
  switch (check.result) {
    case arc::SignatureCheck::Result::pass:
      return "holds";
    case arc::SignatureCheck::Result::fail:
      return "does not hold: " + check.reason;
    case arc::SignatureCheck::Result::not_checked:
      break;
  }
  return "was not looked at";
}

void trace_set(const arc::SetResult& set, std::vector<std::string>& lines) {
  const std::string by = set.seal.domain.empty() ? "an unknown sealer" : set.seal.domain;
  lines.push_back("Set " + std::to_string(set.instance) + " was made by " + by + " (selector " +
                  set.seal.selector + ") " + time_text(set.seal.timestamp) + ".");
  const std::string before = set.cv == "none"   ? "that there was no chain before it"
                             : set.cv == "pass" ? "that the chain before it was valid"
                             : set.cv == "fail" ? "that the chain before it was broken"
                                                : "nothing that counts of the chain before it";
  lines.push_back("  It says " + before + (set.cv.empty() ? "." : " (cv=" + set.cv + ")."));
  lines.push_back("  The signature of " + set.message.domain + " (selector " +
                  set.message.selector + ") on the message as it left this hop " +
                  check_text(set.message) + ".");
  lines.push_back("  Its seal on this set and all before it " + check_text(set.seal) + ".");
  const std::string id = authserv_id_of(set);
  lines.push_back("  " + (id.empty() ? "It" : id) + " says of the message as it came to this hop:");
  for (const std::string& line : result_lines(set)) lines.push_back("    " + line);
}

/// What happened to the message, in words that can be sent to someone else.
std::vector<std::string> trace(const arc::ChainResult& chain, const Policy& policy) {
  std::vector<std::string> lines;
  if (chain.status == arc::ChainStatus::none)
    return {"The message has no ARC fields: nobody sealed it on its way."};
  lines.push_back("The message has " + std::to_string(chain.sets.size()) +
                  (chain.sets.size() == 1 ? " ARC set." : " ARC sets."));
  for (const arc::SetResult& set : chain.sets) trace_set(set, lines);
  if (chain.status == arc::ChainStatus::fail) {
    lines.push_back("Result: fail. " + chain.reason + ".");
    if (chain.temporary)
      lines.push_back("DNS did not answer; the same message may pass when it is checked again.");
    if (chain.ended)
      lines.push_back("Whoever wrote cv=fail ended the chain: it cannot become valid again.");
    return lines;
  }
  lines.push_back("Result: pass. " +
                  (*chain.oldest_pass == 0
                       ? std::string("The message is as the first sealer signed it.")
                       : "The message is as set " + std::to_string(*chain.oldest_pass) +
                             " signed it; it was changed between set " +
                             std::to_string(*chain.oldest_pass - 1) + " and that one."));
  const std::string& sealer = chain.sets.back().seal.domain;
  lines.push_back("The newest sealer, " + sealer + ", is " +
                  (policy.arc_trusted_sealers.match_name(sealer) ? "" : "not ") +
                  "one of arc.trusted_sealers.");
  return lines;
}

int verify(const VerifyOptions& options) {
  const auto input = read_input(options.file);
  if (!input.ok()) return fail(input.error()), kNoInput;
  int exit_code = kOk;
  const auto tools = Tools::open(options.common, exit_code);
  if (!tools) return exit_code;
  const auto chain = validate(*tools, mail::parse_message(*input));
  if (!chain.ok()) return fail(chain.error());
  const auto lines =
      options.trace ? trace(*chain, *tools->configuration.policy) : std::vector<std::string>();
  if (options.common.json) {
    Json json = to_json(*chain);
    for (const std::string& line : lines) json["trace"].push_back(text(line));
    std::printf("%s\n", json.dump(-1, ' ', true).c_str());
    return kOk;
  }
  for (const std::string& line : lines) std::printf("%s\n", printable(line, 2000).c_str());
  if (options.trace) return kOk;
  std::vector<std::pair<std::string, std::string>> rows = {
      {"result", arc::to_string(chain->status)}};
  if (!chain->reason.empty()) rows.emplace_back("reason", chain->reason);
  if (chain->oldest_pass) rows.emplace_back("oldest pass", std::to_string(*chain->oldest_pass));
  for (const arc::SetResult& set : chain->sets) {
    rows.emplace_back("set " + std::to_string(set.instance),
                      set.seal.domain + ", selector " + set.seal.selector + ", cv=" + set.cv +
                          ", seal: " + arc::to_string(set.seal.result) +
                          ", message: " + arc::to_string(set.message.result));
  }
  print_rows(rows);
  return kOk;
}

Result<arc::SealOptions> seal_options(const SealOptions& options) {
  const auto text = read_input(options.key_file);
  if (!text.ok()) return text.error();
  auto key = dkim::PrivateKey::decode(*text);
  if (!key) return permanent_error(options.key_file + " " + key.error().what);
  const auto domain = mail::normalize_domain(options.domain);
  const auto selector = mail::normalize_domain(options.selector);
  if (!domain || !selector) return domain ? selector.error() : domain.error();
  arc::SealOptions how;
  how.domain = *domain;
  how.selector = *selector;
  how.key = *std::move(key);
  return how;
}

int seal(const SealOptions& options) {
  const auto input = read_input(options.file);
  if (!input.ok()) return fail(input.error()), kNoInput;
  auto how = seal_options(options);
  if (!how) return fail(how.error());
  int exit_code = kOk;
  const auto tools = Tools::open(options.common, exit_code);
  if (!tools) return exit_code;
  const mail::ParsedMessage message = mail::parse_message(*input);
  const auto chain = validate(*tools, message);
  if (!chain.ok()) return fail(chain.error());
  auto sealer = arc::Sealer::begin(message.fields, *std::move(how), tools->clock.unix_time());
  if (!sealer) return fail(sealer.error());
  sealer->body(message.body);
  const auto set = sealer->finish(*chain, arc::own_results(message.fields, options.authserv_id));
  if (!set) return fail(set.error());
  // The fields have the line ends of the message.
  const bool crlf = input->find("\r\n") != std::string::npos;
  std::string fields;
  for (const auto& [kind, value] :
       {std::pair{arc::FieldKind::seal, &set->seal},
        std::pair{arc::FieldKind::message_signature, &set->message_signature},
        std::pair{arc::FieldKind::authentication_results, &set->authentication_results}}) {
    for (const char c : std::string(arc::to_string(kind)) + ": " + *value + "\n")
      fields += c == '\n' && crlf ? std::string("\r\n") : std::string(1, c);
  }
  if (options.common.json) {
    const Json json = {{"instance", set->instance},
                       {"cv", arc::to_string(set->cv)},
                       {"seal", set->seal},
                       {"message_signature", set->message_signature},
                       {"authentication_results", set->authentication_results}};
    std::printf("%s\n", json.dump(-1, ' ', true).c_str());
  } else {
    std::fwrite((fields + *input).data(), 1, fields.size() + input->size(), stdout);
  }
  return kOk;
}

}  // namespace

void add_arc(CLI::App& program, int& exit_code) {
  CLI::App* arc = program.add_subcommand("arc", "authenticated received chains (RFC 8617)");
  arc->require_subcommand(1);
  auto verify_options = std::make_shared<VerifyOptions>();
  CLI::App* app = arc->add_subcommand("verify", "validate the chain of a message");
  verify_options->common.add_to(*app);
  app->add_flag("--trace", verify_options->trace, "say in words what was found, set by set");
  app->add_option("file", verify_options->file, "the message, or - for standard input")->required();
  app->callback([verify_options, &exit_code] { exit_code = verify(*verify_options); });

  auto options = std::make_shared<SealOptions>();
  app = arc->add_subcommand("seal", "add a set to a message and print it");
  options->common.add_to(*app);
  app->add_option("--domain", options->domain, "d=")->required();
  app->add_option("--selector", options->selector, "s=")->required();
  app->add_option("--key", options->key_file, "the private key, RSA")->required();
  app->add_option("--authserv-id", options->authserv_id,
                  "whose Authentication-Results fields of the message go into the set")
      ->required();
  app->add_option("file", options->file, "the message, or - for standard input")->required();
  app->callback([options, &exit_code] { exit_code = seal(*options); });
}

}  // namespace gatepost::command
