#include "filter/rule_tools/backtest_report.h"

#include <algorithm>
#include <cmath>

#include "core/base/encoding.h"
#include "core/base/text.h"
#include "filter/rule_tools/html.h"
#include "filter/rule_tools/report_style.h"
#include "filter/rule_tools/svg_plot.h"

namespace gatepost::rule_tools {
namespace {

constexpr std::size_t kRulesOfMessage = 8;

double part(std::size_t of, std::size_t all) {
  return all == 0 ? 0 : static_cast<double>(of) / static_cast<double>(all);
}

std::string signed_text(double value, int digits) {
  const std::string text = number_text(value, digits);
  return value > 0 && text != "0" ? "+" + text : text;
}

class Page {
 public:
  Page(const BacktestInput& input, const BacktestResult& result, const ReportTitle& title)
      : input_(input), result_(result), title_(title) {}

  std::string write() {
    head();
    tiles();
    scores();
    thresholds();
    changed();
    rules();
    overlaps();
    worst("Ham that is marked", true,
          "Legitimate mail with a verdict, highest score first: what to look at before a rule goes "
          "live.");
    worst("Spam that is missed", false, "Spam without a verdict, lowest score first.");
    skipped();
    out_ += "<footer>Made by gatepost " GATEPOST_VERSION " on " + html_escape(title_.made) + ": " +
            count_text(result_.judged.all()) + " messages in " + number_text(result_.seconds, 1) +
            " s with " + std::to_string(result_.threads) +
            (result_.threads == 1 ? " thread" : " threads") +
            ". Content rules alone: no DNS, no SPF, DKIM or DMARC." + known() +
            "</footer></main><script>";
    out_ += kReportScript;
    out_ += "</script></body></html>\n";
    return std::move(out_);
  }

 private:
  // Of what rules of SMTP's stages look at.
  std::string known() const {
    if (!result_.has_stage_rules) return {};
    const auto of_all = [&](std::size_t known) {
      return count_text(known) + " (" + percent_text(share(known)) + ")";
    };
    return " Rules of SMTP's stages see what Received and other trace fields tell: the client "
           "for " +
           of_all(result_.clients_known) + " of the messages, the sender for " +
           of_all(result_.senders_known) + ", the recipients for " +
           of_all(result_.recipients_known) + "; where they do not, such rules do not hit.";
  }
  double share(std::size_t part) const {
    const std::size_t all = result_.judged.all();
    return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
  }

  bool compares() const { return input_.before != nullptr; }

  void head() {
    out_ =
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'; script-src 'sha256-" +
        base64_encode(sha256(kReportScript)) +
        "'; base-uri 'none'; form-action 'none'\">"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
        "<meta name=\"referrer\" content=\"no-referrer\">"
        "<title>Backtest of content rules</title><style>";
    out_ += kReportStyle;
    out_ += "</style></head><body><main><h1>Backtest of content rules</h1><p class=\"soft\">" +
            count_text(result_.judged.spam) + " spam and " + count_text(result_.judged.ham) +
            " ham messages, judged by " + count_text(rule_count(&RuleOutcome::is_now)) + " rules";
    if (compares())
      out_ += ", beside " + count_text(rule_count(&RuleOutcome::was_before)) + " rules before";
    out_ += ".</p><dl class=\"meta\">";
    list("Rules", title_.rules);
    list("Before", title_.against);
    list("Ham", title_.ham);
    list("Spam", title_.spam);
    out_ += "</dl>";
  }

  std::size_t rule_count(bool RuleOutcome::*there) const {
    return static_cast<std::size_t>(std::count_if(result_.rules.begin(), result_.rules.end(),
                                                  [&](const RuleOutcome& r) { return r.*there; }));
  }

  void list(const char* name, const std::vector<std::string>& entries) {
    if (entries.empty()) return;
    out_ += std::string("<dt>") + name + "</dt><dd>";
    for (const std::string& entry : entries) {
      if (&entry != &entries.front()) out_ += ", ";
      out_ += "<code>" + html_escape(printable(entry, 300)) + "</code>";
    }
    out_ += "</dd>";
  }

  void tiles() {
    const Sides now = result_.now.marked();
    const Sides before = result_.before.marked();
    out_ += "<div class=\"tiles\">";
    tile("spam", part(now.spam, result_.judged.spam), part(before.spam, result_.judged.spam), true,
         "of spam marked", count_text(now.spam) + " of " + count_text(result_.judged.spam));
    tile("ham", part(now.ham, result_.judged.ham), part(before.ham, result_.judged.ham), false,
         "of ham marked", count_text(now.ham) + " of " + count_text(result_.judged.ham));
    mean("spam", result_.now.spam_mean, result_.before.spam_mean, "mean score of spam");
    mean("ham", result_.now.ham_mean, result_.before.ham_mean, "mean score of ham");
    out_ += "</div>";
  }

  void tile(const char* kind, double now, double before, bool more_is_good, const char* what,
            const std::string& detail) {
    out_ += std::string("<div class=\"tile ") + kind + "\"><b>" + percent_text(now) + "</b><span>" +
            what + "<br>" + detail + "</span>";
    if (compares()) {
      const double difference = (now - before) * 100;
      delta(signed_text(difference, 2) + " points, was " + percent_text(before), difference,
            more_is_good);
    }
    out_ += "</div>";
  }

  void mean(const char* kind, double now, double before, const char* what) {
    out_ += std::string("<div class=\"tile ") + kind + "\"><b>" + number_text(now, 2) +
            "</b><span>" + what + "</span>";
    if (compares())
      delta(signed_text(now - before, 2) + ", was " + number_text(before, 2), now - before,
            kind[0] == 's');
    out_ += "</div>";
  }

  void delta(const std::string& text, double value, bool more_is_good) {
    const char* how = std::abs(value) < 0.005       ? "soft"
                      : (value > 0) == more_is_good ? "good"
                                                    : "bad";
    out_ += std::string("<span class=\"delta ") + how + "\">" + text + "</span>";
  }

  void scores() {
    ScoreSeries ham;
    ScoreSeries spam;
    for (const JudgedMessage& message : result_.messages) {
      ScoreSeries& series = message.spam ? spam : ham;
      series.now.push_back(message.now.score);
      if (compares()) series.before.push_back(message.before.score);
    }
    const Policy& policy = input_.now->policy();
    std::vector<ScoreMark> marks;
    const auto mark = [&](double score, const char* what) {
      if (score > 0) marks.push_back({score, what + std::string(" ") + number_text(score, 2)});
    };
    mark(policy.tag_score, "tag");
    mark(policy.quarantine_score, "quarantine");
    mark(policy.reject_score, "reject");
    out_ +=
        "<h2>Scores</h2><p class=\"note\">Share of the messages of each kind by their score, in "
        "bins of one point; the two halves have scales of their own.";
    if (compares()) out_ += " The dashed outline is how it was before.";
    out_ += "</p><div class=\"card\">" + score_plot(ham, spam, marks) + "</div>";
  }

  // What another limit would have meant.
  void thresholds() {
    std::vector<double> limits = {2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20};
    const Policy& policy = input_.now->policy();
    for (const double own : {policy.tag_score, policy.quarantine_score, policy.reject_score}) {
      if (own > 0 && std::find(limits.begin(), limits.end(), own) == limits.end())
        limits.push_back(own);
    }
    std::sort(limits.begin(), limits.end());
    out_ +=
        "<h2>Limits</h2><p class=\"note\">How much of each kind reaches a score. The "
        "configuration's own limits are named.</p><div class=\"card table "
        "narrow\"><table><thead><tr>"
        "<th class=n>Score</th><th></th><th class=n>Spam that reaches it</th><th "
        "class=n></th><th class=n>Ham that reaches it</th><th class=n></th></tr></thead><tbody>";
    for (const double limit : limits) {
      Sides reach;
      for (const JudgedMessage& message : result_.messages) {
        if (message.now.score >= limit) ++reach.of(message.spam);
      }
      std::string name;
      if (limit == policy.tag_score) name += " tag";
      if (limit == policy.quarantine_score) name += " quarantine";
      if (limit == policy.reject_score) name += " reject";
      out_ += "<tr><td class=n>" + number_text(limit, 2) + "</td><td>" + name + "</td>";
      share_cells(reach.spam, result_.judged.spam, "spam");
      share_cells(reach.ham, result_.judged.ham, "ham");
      out_ += "</tr>";
    }
    out_ += "</tbody></table></div>";
  }

  void share_cells(std::size_t hits, std::size_t all, const char* kind) {
    const double share = part(hits, all);
    const std::string zero = hits == 0 ? " zero" : "";
    out_ += "<td class=\"n" + zero + "\" data-v=\"" + std::to_string(hits) + "\">" +
            count_text(hits) + "</td><td class=\"n" + zero + "\" data-v=\"" +
            number_text(share, 6) + "\">" + percent_text(share) + bar(share, kind) + "</td>";
  }

  static std::string bar(double share, const char* kind) {
    if (share == 0) return {};
    return "<svg class=\"bar\" viewBox=\"0 0 64 4\" aria-hidden=\"true\"><rect class=\"track\" "
           "width=\"64\" height=\"4\" rx=\"2\"/><rect class=\"" +
           std::string(kind) + "\" width=\"" + number_text(std::max(1.5, share * 64), 1) +
           "\" height=\"4\" rx=\"2\"/></svg>";
  }

  void rules() {
    out_ +=
        "<h2>Rules</h2><p class=\"note\"><b>Right</b> is the share of a rule's hits in mail of "
        "the kind that its score speaks for: spam, or ham when it is below 0. <b>Decides</b> "
        "counts messages that would cross the limit without the rule's score: spam that it "
        "alone brings over it, and ham. <b>Points</b> is what it adds to the mean message of "
        "each kind.</p><div class=\"tools\" hidden><input data-filter=\"rules\" "
        "aria-label=\"Filter rules\" placeholder=\"Filter rules…\"><span class=\"soft\" "
        "id=\"rules-shown\"></span></div><div class=\"card table\"><table class=\"sort\" "
        "id=\"rules\"><thead><tr><th>Rule</th><th class=n>Score</th>";
    if (compares()) out_ += "<th class=n>Was</th>";
    out_ +=
        "<th class=n>Spam</th><th class=n>of all</th><th class=n>Ham</th><th class=n>of all</th>"
        "<th class=n>Right</th><th class=n>Decides spam</th><th class=n>Decides ham</th>"
        "<th class=n>Points spam</th><th class=n>Points ham</th>";
    if (compares()) out_ += "<th class=n>Shift spam</th><th class=n>Shift ham</th>";
    out_ += "</tr></thead><tbody>";
    std::vector<const RuleOutcome*> shown;
    for (const RuleOutcome& rule : result_.rules) {
      if (rule.hits.all() + rule.hits_before.all() != 0) shown.push_back(&rule);
    }
    std::stable_sort(shown.begin(), shown.end(), [](const RuleOutcome* a, const RuleOutcome* b) {
      return weight(*a) > weight(*b);
    });
    for (const RuleOutcome* rule : shown) rule_row(*rule);
    out_ += "</tbody></table></div>";
    silent();
  }

  // What stands on top: what moves mail most.
  static double weight(const RuleOutcome& rule) {
    return std::abs(rule.spam_points) + std::abs(rule.ham_points) +
           std::abs(rule.spam_points - rule.spam_points_before) * 0.001;
  }

  void rule_row(const RuleOutcome& rule) {
    out_ += "<tr><td class=\"name\" data-v=\"" + html_escape(rule.name) + "\">" +
            html_escape(rule.name);
    if (rule.shadow) out_ += " <span class=\"kind shadow\">shadow</span>";
    if (!rule.description.empty()) out_ += "<small>" + html_escape(rule.description) + "</small>";
    out_ += "</td>";
    if (rule.is_now)
      number(rule.score, 3);
    else
      out_ += "<td class=\"n soft\" data-v=\"0\">gone</td>";
    if (compares()) {
      if (rule.was_before)
        number(rule.score_before, 3);
      else
        out_ += "<td class=\"n soft\" data-v=\"0\">new</td>";
    }
    share_cells(rule.hits.spam, result_.judged.spam, "spam");
    share_cells(rule.hits.ham, result_.judged.ham, "ham");
    if (rule.precision < 0) {
      out_ += "<td class=\"n\" data-v=\"-1\"></td>";
    } else {
      const char* how = rule.score == 0          ? ""
                        : rule.precision >= 0.95 ? " good"
                        : rule.precision < 0.5   ? " bad"
                                                 : "";
      out_ += std::string("<td class=\"n") + how + "\" data-v=\"" + number_text(rule.precision, 6) +
              "\">" + percent_text(rule.precision) + "</td>";
    }
    plain_count(rule.decides.spam, "");
    plain_count(rule.decides.ham, rule.score > 0 ? " bad" : "");
    number(rule.spam_points, 3);
    number(rule.ham_points, 3);
    if (compares()) {
      shift(rule.spam_points - rule.spam_points_before, true);
      shift(rule.ham_points - rule.ham_points_before, false);
    }
    out_ += "</tr>";
  }

  void number(double value, int digits) {
    const std::string text = number_text(value, digits);
    out_ += std::string("<td class=\"n") + (text == "0" ? " zero" : "") + "\" data-v=\"" +
            number_text(value, 9) + "\">" + text + "</td>";
  }

  void plain_count(std::size_t count, const char* how) {
    out_ += "<td class=\"n" + std::string(count == 0 ? " zero" : how) + "\" data-v=\"" +
            std::to_string(count) + "\">" + count_text(count) + "</td>";
  }

  void shift(double value, bool more_is_good) {
    const std::string text = signed_text(value, 3);
    const char* how = text == "0" ? " zero" : (value > 0) == more_is_good ? " good" : " bad";
    out_ += std::string("<td class=\"n") + how + "\" data-v=\"" + number_text(value, 9) + "\">" +
            text + "</td>";
  }

  void silent() {
    const std::size_t count = result_.hit_nothing();
    if (count == 0) return;
    out_ += "<details><summary>" + count_text(count) +
            " rules hit nothing here</summary><p class=\"soft\">";
    for (const RuleOutcome& rule : result_.rules) {
      if (rule.is_now && rule.hits.all() == 0)
        out_ += "<code>" + html_escape(rule.name) + "</code> ";
    }
    out_ += "</p></details>";
  }

  void overlaps() {
    if (result_.overlaps.empty()) return;
    out_ += "<h2>Rules that nearly always hit together</h2><p class=\"note\">Both hit at least " +
            percent_text(kOverlapShare) + " of the messages that either hits, and at least " +
            std::to_string(kOverlapMessages) +
            ": the same thing may be counted twice.</p><div class=\"card table\"><table "
            "class=\"sort\"><thead><tr><th>Rule</th><th>Rule</th><th class=n>Both</th><th "
            "class=n>Only the first</th><th class=n>Only the second</th><th "
            "class=n>Together</th></tr></thead><tbody>";
    for (const Overlap& pair : result_.overlaps) {
      out_ += "<tr><td class=\"name\">" + html_escape(pair.first) + "</td><td class=\"name\">" +
              html_escape(pair.second) + "</td>";
      plain_count(pair.both, "");
      plain_count(pair.only_first, "");
      plain_count(pair.only_second, "");
      out_ += "<td class=\"n\" data-v=\"" + number_text(pair.share(), 6) + "\">" +
              percent_text(pair.share()) + "</td></tr>";
    }
    out_ += "</tbody></table></div>";
  }

  const MailPlace& place(const JudgedMessage& message) const {
    return (message.spam ? input_.spam : input_.ham)[message.place];
  }

  void message_cell(const JudgedMessage& message) {
    const std::string name = html_escape(printable(place(message).name(), 400));
    out_ += "<td class=\"message\">" +
            html_escape(message.subject.empty() ? "(no subject)" : message.subject) +
            "<div class=\"soft\">" + html_escape(message.from) +
            "</div><small><code class=\"soft\">" + name + "</code></small></td>";
  }

  void kind_cell(bool spam) {
    const char* kind = spam ? "spam" : "ham";
    out_ += std::string("<td><span class=\"kind ") + kind + "\">" + kind + "</span></td>";
  }

  // The strongest rules of a message, with their scores.
  std::string reasons(const Judge& judge, std::vector<Judge::Hit> hits) const {
    std::stable_sort(hits.begin(), hits.end(), [](const Judge::Hit& a, const Judge::Hit& b) {
      return std::abs(a.score) > std::abs(b.score);
    });
    std::string out;
    for (std::size_t i = 0; i < hits.size() && i < kRulesOfMessage; ++i) {
      out += "<code>" + html_escape(judge.rules()[hits[i].rule].name) + "</code> <small>" +
             signed_text(hits[i].score, 2) + "</small> ";
    }
    if (hits.size() > kRulesOfMessage)
      out += "<small>and " + std::to_string(hits.size() - kRulesOfMessage) + " more</small>";
    return out;
  }

  void changed() {
    if (!compares()) return;
    out_ += "<h2>Messages whose verdict changes</h2>";
    if (result_.changed.empty()) {
      out_ += "<p class=\"note\">None: every message has the verdict that it had before.</p>";
      return;
    }
    Sides count;
    for (const std::size_t i : result_.changed) ++count.of(result_.messages[i].spam);
    out_ += "<p class=\"note\">" + count_text(count.spam) + " spam and " + count_text(count.ham) +
            " ham.</p><div class=\"card table\"><table class=\"sort\"><thead><tr><th>Kind</th><th>"
            "Message</th><th>Was</th><th class=n>Score</th><th>Is</th><th class=n>Score</th><th>"
            "What differs</th></tr></thead><tbody>";
    std::size_t left = kReportMessages;
    for (const std::size_t i : result_.changed) {
      if (left-- == 0) break;
      const JudgedMessage& message = result_.messages[i];
      out_ += "<tr>";
      kind_cell(message.spam);
      message_cell(message);
      verdict_cells(message.before);
      verdict_cells(message.now);
      out_ += "<td class=\"rules\">" + differences(message) + "</td></tr>";
    }
    out_ += "</tbody></table></div>";
    if (result_.changed.size() > kReportMessages)
      out_ += "<p class=\"note\">The first " + std::to_string(kReportMessages) + " of " +
              count_text(result_.changed.size()) + "; --json has them all.</p>";
  }

  void verdict_cells(const Judge::Judgement& judgement) {
    out_ += "<td>" +
            std::string(judgement.action == Action::none ? "accept" : to_string(judgement.action)) +
            "</td>";
    number(judgement.score, 2);
  }

  std::string differences(const JudgedMessage& message) const {
    std::string out;
    for (const HitChange& change : hit_changes(input_, message)) {
      out += "<code>" + html_escape(change.rule) + "</code> <small>";
      if (change.is_now && change.was_before)
        out += number_text(change.score_before, 2) + " → " + number_text(change.score, 2);
      else
        out += change.is_now ? signed_text(change.score, 2)
                             : "no more, was " + number_text(change.score_before, 2);
      out += "</small> ";
    }
    return out;
  }

  // Ham that is marked, or spam that is not.
  void worst(const char* name, bool ham, const char* note) {
    std::vector<const JudgedMessage*> found;
    for (const JudgedMessage& message : result_.messages) {
      if (message.spam != ham && (message.now.action != Action::none) == ham)
        found.push_back(&message);
    }
    out_ += std::string("<h2>") + name + "</h2>";
    if (found.empty()) {
      out_ += "<p class=\"note\">None.</p>";
      return;
    }
    std::stable_sort(found.begin(), found.end(),
                     [&](const JudgedMessage* a, const JudgedMessage* b) {
                       return ham ? a->now.score > b->now.score : a->now.score < b->now.score;
                     });
    out_ += std::string("<p class=\"note\">") + note +
            "</p><div class=\"card table\"><table "
            "class=\"sort\"><thead><tr><th>Message</th><th>Verdict</th><th class=n>Score</th><th>"
            "Strongest rules</th></tr></thead><tbody>";
    constexpr std::size_t kShown = 50;
    for (std::size_t i = 0; i < found.size() && i < kShown; ++i) {
      out_ += "<tr>";
      message_cell(*found[i]);
      verdict_cells(found[i]->now);
      out_ += "<td class=\"rules\">" + reasons(*input_.now, found[i]->now.hits) + "</td></tr>";
    }
    out_ += "</tbody></table></div>";
    if (found.size() > kShown)
      out_ += "<p class=\"note\">The first " + std::to_string(kShown) + " of " +
              count_text(found.size()) + ".</p>";
  }

  void skipped() {
    if (result_.skipped_count == 0) return;
    out_ += "<h2>Left out</h2><p class=\"note\">" + count_text(result_.skipped_count) +
            " files could not be judged.</p><div class=\"card\">";
    for (const std::string& one : result_.skipped)
      out_ += "<div><code>" + html_escape(one) + "</code></div>";
    out_ += "</div>";
  }

  const BacktestInput& input_;
  const BacktestResult& result_;
  const ReportTitle& title_;
  std::string out_;
};

}  // namespace

std::string backtest_page(const BacktestInput& input, const BacktestResult& result,
                          const ReportTitle& title) {
  return Page(input, result, title).write();
}

}  // namespace gatepost::rule_tools
