// Writes cyclonedx-core-java.json: a model card as the CycloneDX library for Java has it.
// With cyclonedx-core-java 10.2.1 and what it needs on the class path: java MakeBom.java > FILE
import java.util.Date;
import java.util.List;
import org.cyclonedx.Version;
import org.cyclonedx.generators.BomGeneratorFactory;
import org.cyclonedx.model.*;
import org.cyclonedx.model.component.ModelCard;
import org.cyclonedx.model.component.data.*;
import org.cyclonedx.model.component.modelCard.*;
import org.cyclonedx.model.component.modelCard.consideration.*;
import org.cyclonedx.model.metadata.ToolInformation;

public class MakeBom {
  public static void main(String[] arguments) throws Exception {
    ModelParameters parameters = new ModelParameters();
    ModelParameters.Approach approach = new ModelParameters.Approach();
    approach.setType(ModelParameters.Approach.ApproachType.SUPERVISED);
    parameters.setApproach(approach);
    parameters.setTask("classification");
    parameters.setArchitectureFamily("trees");
    parameters.setModelArchitecture("gradient boosting");
    ComponentData data = new ComponentData();
    data.setType(ComponentData.ComponentDataType.DATASET);
    data.setName("applications-2025");
    DatasetChoice choice = new DatasetChoice();
    choice.setComponentData(data);
    parameters.setDatasets(List.of(choice));

    PerformanceMetric auc = new PerformanceMetric();
    auc.setType("auc");
    auc.setValue("0.87");
    QuantitativeAnalysis analysis = new QuantitativeAnalysis();
    analysis.setPerformanceMetrics(List.of(auc));

    Considerations considerations = new Considerations();
    considerations.setUsers(List.of("loan officers"));
    considerations.setUseCases(List.of("consumer credit"));
    considerations.setTechnicalLimitations(List.of("not for businesses"));
    FairnessAssessment fairness = new FairnessAssessment();
    fairness.setGroupAtRisk("applicants under 30");
    fairness.setHarms("refused more often");
    fairness.setMitigationStrategy("a person decides");
    considerations.setFairnessAssessments(List.of(fairness));

    ModelCard card = new ModelCard();
    card.setModelParameters(parameters);
    card.setQuantitativeAnalysis(analysis);
    card.setConsiderations(considerations);
    Component model = new Component();
    model.setType(Component.Type.MACHINE_LEARNING_MODEL);
    model.setBomRef("model");
    model.setName("credit-scorer");
    model.setVersion("2.3");
    OrganizationalEntity bank = new OrganizationalEntity();
    bank.setName("Example Bank");
    model.setSupplier(bank);
    model.setModelCard(card);

    Component tool = new Component();
    tool.setType(Component.Type.APPLICATION);
    tool.setName("bom-maker");
    tool.setVersion("3.1.0");
    ToolInformation tools = new ToolInformation();
    tools.setComponents(List.of(tool));
    Metadata metadata = new Metadata();
    metadata.setTimestamp(new Date(1795075200000L));
    metadata.setToolChoice(tools);
    Bom bom = new Bom();
    bom.setVersion(1);
    bom.setMetadata(metadata);
    bom.setComponents(List.of(model));
    System.out.println(BomGeneratorFactory.createJson(Version.VERSION_16, bom).toJsonString());
  }
}
